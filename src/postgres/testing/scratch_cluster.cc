#include "postgres/testing/scratch_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <system_error>
#include <thread>

#include "util/clock.h"
#include "util/file.h"

namespace pgcairn::postgres::testing {
namespace {

constexpr double kStartSecondsMax = 120;

// The programs see nothing of the caller's environment: no PGHOST, no locale, no sanitizer options.
constexpr const char* kEnvironment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC",
                                        "PGCONNECT_TIMEOUT=20", nullptr};

std::string ReadBack(int fd) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (;;) {
    ssize_t got = ::pread(fd, buffer, sizeof buffer, at);
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    at += got;
  }
}

Result<UniqueFd> MemoryFile(std::string_view content) {
  UniqueFd fd(::memfd_create("scratch", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, "creating", "a memory file");
  RETURN_IF_ERROR(WriteAt(fd.get(), AsBytes(content), 0, "a memory file"));
  return fd;
}

// Returns the pid of the started program; `in`, `out` and `err` become its standard files.
Result<pid_t> Spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t pid = -1;
  int failed = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(),
                             const_cast<char* const*>(kEnvironment));
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return ErrnoError(failed, "starting", argv[0]);
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The number only has to be free when a setting makes the server listen on TCP.
Result<int> FreePort() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return ErrnoError(errno, "looking for", "a free port");
  }
  return ntohs(address.sin_port);
}

// What initdb made. Gone when the process ends.
struct FreshDirectory {
  std::string path;
  bool made = false;

  ~FreshDirectory() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

// By initdb's command line: initdb takes seconds, a copy of what it made a tenth of one.
std::map<std::vector<std::string>, FreshDirectory>& FreshDirectories() {
  static std::map<std::vector<std::string>, FreshDirectory> directories;
  return directories;
}

std::vector<std::string> AsServerUser(uid_t uid, gid_t gid, std::vector<std::string> argv) {
  std::vector<std::string> full = {"/usr/bin/setpriv", "--pdeathsig", "INT"};
  if (::geteuid() == 0) {
    full.insert(full.end(),
                {fmt::format("--reuid={}", uid), fmt::format("--regid={}", gid), "--init-groups"});
  }
  full.emplace_back("--");
  for (std::string& argument : argv) full.push_back(std::move(argument));
  return full;
}

}  // namespace

Result<std::unique_ptr<ScratchCluster>> ScratchCluster::Create(ScratchOptions options) {
  std::unique_ptr<ScratchCluster> cluster(new ScratchCluster(std::move(options)));
  RETURN_IF_ERROR(cluster->Prepare().Context("preparing a scratch cluster"));
  return cluster;
}

ScratchCluster::~ScratchCluster() {
  (void)StopWith(SIGINT);
  std::error_code ignored;
  if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
}

Status ScratchCluster::Prepare() {
  uid_ = ::geteuid();
  gid_ = ::getegid();
  if (uid_ == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) return Error{Code::kFailed, "there is no user \"postgres\"", ""};
    uid_ = user->pw_uid;
    gid_ = user->pw_gid;
  }
  // A socket's path is limited to 107 bytes, so TMPDIR is not asked.
  char name[] = "/tmp/pgcairn-scratch-XXXXXX";
  if (::mkdtemp(name) == nullptr) return ErrnoError(errno, "creating", name);
  root_ = name;
  if (::chown(name, uid_, gid_) != 0) return ErrnoError(errno, "giving away", name);
  ASSIGN_OR_RETURN(socket_, MakeDirectory("socket"));
  ASSIGN_OR_RETURN(port_, FreePort());
  if (!options_.existing_data_directory.empty()) {
    data_ = options_.existing_data_directory;
    return {};
  }
  RETURN_IF_ERROR(MakeDataDirectory());
  for (const char* line : {"fsync=off", "listen_addresses=''", "shared_buffers='16MB'"}) {
    RETURN_IF_ERROR(Configure(line));
  }
  for (const std::string& line : options_.settings) RETURN_IF_ERROR(Configure(line));
  return {};
}

Status ScratchCluster::MakeDataDirectory() {
  std::vector<std::string> initdb = {options_.bin_directory + "/initdb",
                                     "--auth=trust",
                                     "--username=postgres",
                                     "--encoding=UTF8",
                                     "--no-locale",
                                     "--no-sync"};
  initdb.insert(initdb.end(), options_.initdb_arguments.begin(), options_.initdb_arguments.end());
  FreshDirectory& fresh = FreshDirectories()[initdb];
  if (!fresh.made) {
    fresh.path = "/tmp/pgcairn-initdb-XXXXXX";
    if (::mkdtemp(fresh.path.data()) == nullptr) return ErrnoError(errno, "creating", fresh.path);
    if (::chown(fresh.path.c_str(), uid_, gid_) != 0) {
      return ErrnoError(errno, "giving away", fresh.path);
    }
    initdb.push_back("--pgdata=" + fresh.path);
    ASSIGN_OR_RETURN(Finished made, Run(initdb));
    if (made.exit_code != 0) return Error{Code::kFailed, "initdb: " + made.err, ""};
    fresh.made = true;
  }
  data_ = root_ + "/data";
  ASSIGN_OR_RETURN(Finished copied, Run({"/bin/cp", "-R", fresh.path, data_}));
  if (copied.exit_code != 0) return Error{Code::kFailed, "cp: " + copied.err, ""};
  return {};
}

Status ScratchCluster::Start() {
  if (running()) return {};
  std::string log = root_ + "/log";
  ASSIGN_OR_RETURN(UniqueFd in, Open("/dev/null", O_RDONLY));
  ASSIGN_OR_RETURN(UniqueFd out, Open(log, O_WRONLY | O_CREAT | O_APPEND));
  ASSIGN_OR_RETURN(server_, Spawn(AsServerUser(uid_, gid_,
                                               {options_.bin_directory + "/postgres", "-D", data_,
                                                "-k", socket_, "-p", std::to_string(port_)}),
                                  in.get(), out.get(), out.get()));
  double deadline = MonotonicSeconds() + kStartSecondsMax;
  while (MonotonicSeconds() < deadline) {
    // A refused connection, not an early one, is what psql's failure means here: the server keeps
    // its first line of postmaster.pid long before it is ready.
    if (::waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = -1;
      return Error{Code::kFailed, "the scratch server ended while starting:\n" + ServerLog(), ""};
    }
    auto pid_file = ReadFile(data_ + "/postmaster.pid", 4096);
    if (pid_file.ok() && AsText(*pid_file).starts_with(fmt::format("{}\n", server_)) &&
        AsText(*pid_file).find("\nready") != std::string_view::npos) {
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  (void)StopWith(SIGQUIT);
  return Error{Code::kTimeout, "the scratch server did not get ready:\n" + ServerLog(), ""};
}

Status ScratchCluster::Stop() { return StopWith(SIGINT); }

Status ScratchCluster::StopImmediately() { return StopWith(SIGQUIT); }

Status ScratchCluster::StopWith(int signal) {
  if (!running()) return {};
  if (::kill(server_, signal) != 0) return ErrnoError(errno, "stopping", "the scratch server");
  WaitFor(server_);
  server_ = -1;
  return {};
}

Result<std::string> ScratchCluster::Sql(std::string_view statements, std::string_view database) {
  ASSIGN_OR_RETURN(Finished finished, Run({"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", socket_,
                                           "-p", std::to_string(port_), "-U", "postgres", "-d",
                                           std::string(database), "-f", "-"},
                                          statements));
  if (finished.exit_code != 0) {
    return Error{Code::kFailed, fmt::format("running \"{}\": {}", statements, finished.err), ""};
  }
  while (finished.out.ends_with('\n')) finished.out.pop_back();
  return finished.out;
}

Result<Finished> ScratchCluster::Run(const std::vector<std::string>& argv, std::string_view input) {
  std::vector<std::string> full = argv;
  if (full.at(0).find('/') == std::string::npos) {
    full[0] = std::string(kDebianBinDirectory) + "/" + full[0];
  }
  ASSIGN_OR_RETURN(UniqueFd in, MemoryFile(input));
  ASSIGN_OR_RETURN(UniqueFd out, MemoryFile(""));
  ASSIGN_OR_RETURN(UniqueFd err, MemoryFile(""));
  ASSIGN_OR_RETURN(
      pid_t pid, Spawn(AsServerUser(uid_, gid_, std::move(full)), in.get(), out.get(), err.get()));
  int exit_code = WaitFor(pid);
  return Finished{exit_code, ReadBack(out.get()), ReadBack(err.get())};
}

Result<std::string> ScratchCluster::MakeDirectory(std::string_view name) {
  std::string path = fmt::format("{}/{}", root_, name);
  RETURN_IF_ERROR(MakeDirectories(path, 0700));
  if (::chown(path.c_str(), uid_, gid_) != 0) return ErrnoError(errno, "giving away", path);
  return path;
}

Status ScratchCluster::Configure(std::string_view line) {
  std::string path = data_ + "/postgresql.conf";
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY | O_APPEND));
  return WriteAll(fd.get(), AsBytes(fmt::format("{}\n", line)), path);
}

std::string ScratchCluster::ConnectionString(std::string_view database) const {
  return fmt::format("host={} port={} user=postgres dbname={}", socket_, port_, database);
}

std::string ScratchCluster::ServerLog() const {
  auto log = ReadFile(root_ + "/log", 64 << 20);
  return log.ok() ? ToString(*log) : "";
}

}  // namespace pgcairn::postgres::testing
