#include "postgres/client_programs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <sstream>
#include <vector>

#include "postgres/program_version.h"

namespace pgcairn::postgres {
namespace {

// Of the major versions there may ever be one beside another on one machine.
constexpr int kMajorsAhead = 20;

// Nothing when there is no such program, or it does not say its version.
std::optional<ClientProgram> ProgramAt(const std::string& directory, const std::string& name) {
  ClientProgram program{fmt::format("{}/{}", directory, name), 0};
  if (::access(program.path.c_str(), X_OK) != 0) return std::nullopt;
  Result<int> major = MajorVersionOf(program.path);
  if (!major.ok() || *major == 0) return std::nullopt;
  program.major = *major;
  return program;
}

std::vector<std::string> FoldersOfPath() {
  std::vector<std::string> folders;
  const char* path = std::getenv("PATH");
  std::istringstream words(path == nullptr ? "" : path);
  for (std::string folder; std::getline(words, folder, ':');) {
    if (folder.starts_with('/')) folders.push_back(folder);
  }
  return folders;
}

}  // namespace

Result<ClientProgram> FindClientProgram(const std::string& name, int server_major,
                                        const std::string& configured_bin_dir) {
  const std::string doing = fmt::format("looking for a {} for PostgreSQL {}", name, server_major);
  const std::string package =
      fmt::format("install the package: apt-get install postgresql-client-{}", server_major);
  if (!configured_bin_dir.empty()) {
    std::optional<ClientProgram> program = ProgramAt(configured_bin_dir, name);
    if (program && program->major >= server_major) return *program;
    return Error{Code::kUsage,
                 program ? fmt::format("{}: {} is of {}, which refuses newer servers", doing,
                                       program->path, program->major)
                         : fmt::format("{}: {} has none", doing, configured_bin_dir),
                 "set cluster.bin_dir to a directory that has one, or leave it out and " + package};
  }
  std::string found;
  std::vector<std::string> folders;
  for (int major = server_major; major <= server_major + kMajorsAhead; ++major) {
    folders.push_back(fmt::format("/usr/lib/postgresql/{}/bin", major));
  }
  for (const std::string& folder : FoldersOfPath()) folders.push_back(folder);
  for (const std::string& folder : folders) {
    std::optional<ClientProgram> program = ProgramAt(folder, name);
    if (!program) continue;
    if (program->major >= server_major) return *program;
    found +=
        fmt::format("; {} is of {}, which refuses newer servers", program->path, program->major);
  }
  return Error{Code::kNotFound, fmt::format("{}: there is none{}", doing, found),
               package +
                   ", or set cluster.bin_dir; where Debian does not have it, "
                   "docs/logical-backup.md says what to do"};
}

}  // namespace pgcairn::postgres
