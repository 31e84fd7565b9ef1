#include "postgres/server_binaries.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

// What `postgres --version` prints on its standard output, at most 4 KiB.
Result<std::string> VersionLine(const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for", program);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name = program;
  std::string argument = "--version";
  std::string locale = "LC_ALL=C";
  char* argv[] = {name.data(), argument.data(), nullptr};
  char* environment[] = {locale.data(), nullptr};
  pid_t pid = -1;
  int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return ErrnoError(failed, "running", program);
  RETURN_IF_ERROR(writer.Close(program));
  std::string line;
  char buffer[4096];
  while (line.size() < sizeof buffer) {
    ssize_t got = ::read(reader.get(), buffer, sizeof buffer - line.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    line.append(buffer, static_cast<size_t>(got));
  }
  // A program that prints on must not wait for a reader.
  RETURN_IF_ERROR(reader.Close(program));
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return line;
}

// 0 when the line is not PostgreSQL's: "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)".
int MajorIn(std::string_view line) {
  constexpr std::string_view kStart = "postgres (PostgreSQL) ";
  if (!line.starts_with(kStart)) return 0;
  line.remove_prefix(kStart.size());
  int major = 0;
  std::from_chars(line.data(), line.data() + line.size(), major);
  return major;
}

}  // namespace

Result<std::string> FindServerBinaries(int major, const std::string& configured_bin_dir) {
  bool configured = !configured_bin_dir.empty();
  std::string directory =
      configured ? configured_bin_dir : fmt::format("/usr/lib/postgresql/{}/bin", major);
  std::string package_hint =
      fmt::format("install the package: apt-get install postgresql-{}", major);
  for (const char* program : {"postgres", "pg_ctl"}) {
    std::string path = fmt::format("{}/{}", directory, program);
    if (::access(path.c_str(), X_OK) == 0) continue;
    return Error{
        configured ? Code::kUsage : Code::kNotFound,
        fmt::format("looking for the programs of PostgreSQL {}: there is no program {}", major,
                    path),
        configured ? "set cluster.bin_dir to the directory that holds them, or leave it out and " +
                         package_hint
                   : package_hint + ", or set cluster.bin_dir"};
  }
  ASSIGN_OR_RETURN(std::string line, VersionLine(directory + "/postgres"));
  int found = MajorIn(line);
  if (found == major) return directory;
  return Error{
      configured ? Code::kUsage : Code::kNotFound,
      fmt::format("looking for the programs of PostgreSQL {}: {}/postgres is {}", major, directory,
                  found == 0 ? "not a PostgreSQL server" : fmt::format("of {}", found)),
      configured ? "set cluster.bin_dir to the directory of the right version" : package_hint};
}

}  // namespace pgcairn::postgres
