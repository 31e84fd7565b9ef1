#include "postgres/standalone_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>

#include "postgres/child_program.h"
#include "util/clock.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

constexpr double kFastStopSeconds = 60;
constexpr double kImmediateStopSeconds = 15;
constexpr auto kPollInterval = std::chrono::milliseconds(20);
constexpr off_t kLogTailBytes = 4096;

// List settings take elements in double quotes.
std::string QuoteListElement(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + "\"";
}

std::string QuoteConninfo(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::vector<std::string> CommandLine(const StandaloneServer::Options& options,
                                     const std::string& socket_directory) {
  std::vector<std::string> line = {options.bin_dir + "/postgres", "-D", options.data_directory};
  auto set = [&](const std::string& name, const std::string& value) {
    line.emplace_back("-c");
    line.push_back(name + "=" + value);
  };
  for (const auto& [name, value] : options.settings) set(name, value);
  if (!options.config_file.empty()) set("config_file", options.config_file);
  if (!options.hba_file.empty()) set("hba_file", options.hba_file);
  if (!options.ident_file.empty()) set("ident_file", options.ident_file);
  // The last of a name wins: nothing above can open the server to others, move its log, or have it
  // write over the pid file of the server that the copy was taken from (Debian sets one).
  set("listen_addresses", "");
  set("unix_socket_directories", QuoteListElement(socket_directory));
  set("unix_socket_permissions", "0700");
  set("unix_socket_group", "");
  set("port", std::to_string(options.port));
  set("external_pid_file", "");
  set("logging_collector", "off");
  set("log_destination", "stderr");
  // With hot standby the server calls itself "ready" as soon as it can be read, long before
  // recovery is over; without, it says "standby" until then. It also keeps recovery from asking for
  // as many connections and processes as the original had, and from pausing at a target.
  set("hot_standby", "off");
  return line;
}

// restore_command needs the caller's environment; these would change the server itself, or report
// its state to the service manager as if it were ours, or show it another server's password.
std::vector<std::string> ServerEnvironment() {
  constexpr std::string_view kLeftOut[] = {
      "PGDATA=",      "PGPORT=",        "PGTZ=",      "PGCLIENTENCODING=",
      "PGDATESTYLE=", "NOTIFY_SOCKET=", "PGPASSWORD="};
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    bool left_out = std::any_of(std::begin(kLeftOut), std::end(kLeftOut),
                                [&](std::string_view name) { return text.starts_with(name); });
    if (!left_out) kept.emplace_back(text);
  }
  return kept;
}

// What the server has logged since `start`, its last 4 KiB, whole lines.
std::string LogTail(const std::string& path, off_t start) {
  Result<UniqueFd> fd = Open(path, O_RDONLY);
  if (!fd.ok()) return "";
  off_t end = ::lseek(fd->get(), 0, SEEK_END);
  off_t from = std::max(start, end - kLogTailBytes);
  if (end <= from) return "";
  Bytes bytes(static_cast<size_t>(end - from));
  Result<size_t> got = ReadAt(fd->get(), bytes, static_cast<uint64_t>(from), path);
  if (!got.ok()) return "";
  std::string tail(AsText(bytes).substr(0, *got));
  if (from > start) tail.erase(0, tail.find('\n') + 1);
  while (tail.ends_with('\n')) tail.pop_back();
  return tail;
}

Error WithLog(Code code, std::string_view what, const std::string& log_file, off_t log_start) {
  std::string tail = LogTail(log_file, log_start);
  return {code,
          fmt::format("{}{}{}", what, tail.empty() ? "" : "; the last lines of its log:\n", tail),
          fmt::format("the server's whole log is {}", log_file)};
}

// The server's state in postmaster.pid: "starting", "standby" (recovering), "ready" or "stopping";
// "" when the file is not (yet) that of `pid`. Source: LOCK_FILE_LINE_PM_STATUS in
// src/include/utils/pidfile.h, process_pm_pmsignal in src/backend/postmaster/postmaster.c.
std::string StateInPidFile(const std::string& data_directory, pid_t pid) {
  constexpr int kStateLine = 8;
  Result<Bytes> content = ReadFile(data_directory + "/postmaster.pid", 16384);
  if (!content.ok()) return "";
  std::string_view rest = AsText(*content);
  for (int number = 1;; ++number) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) return "";
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (number == 1 && line != std::to_string(pid)) return "";
    if (number == kStateLine) return std::string(line.substr(0, line.find(' ')));
  }
}

std::string DescribeExit(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Result<StandaloneServer> StandaloneServer::Start(const Options& options) {
  std::string doing = fmt::format("starting a server on {}", options.data_directory);
  if (::geteuid() == 0) {
    return Error{Code::kRefused, doing + ": PostgreSQL does not run as root",
                 "run pgcairn as the user that owns the data directory"};
  }
  StandaloneServer server;
  server.port_ = options.port;
  RETURN_IF_ERROR(server.ChooseSocketDirectory(options).Context(doing));
  auto log = Open(options.log_file, O_WRONLY | O_CREAT | O_APPEND).Context(doing);
  if (!log.ok()) return log.status();
  off_t log_start = ::lseek(log->get(), 0, SEEK_END);
  RETURN_IF_ERROR(server.Launch(options).Context(doing));
  RETURN_IF_ERROR(server.WaitUntilReady(options, log_start).Context(doing));
  return server;
}

StandaloneServer& StandaloneServer::operator=(StandaloneServer&& other) noexcept {
  if (this == &other) return *this;
  (void)Stop();
  pid_ = std::exchange(other.pid_, -1);
  exit_status_ = other.exit_status_;
  socket_directory_ = std::move(other.socket_directory_);
  owns_socket_directory_ = std::exchange(other.owns_socket_directory_, false);
  port_ = other.port_;
  return *this;
}

Status StandaloneServer::ChooseSocketDirectory(const Options& options) {
  std::string socket = fmt::format("{}/.s.PGSQL.{}", options.socket_directory, options.port);
  // libpq parts several hosts by commas and knows no escape.
  bool usable = !options.socket_directory.empty() &&
                socket.size() < sizeof(sockaddr_un::sun_path) &&
                options.socket_directory.find(',') == std::string::npos;
  if (usable) {
    socket_directory_ = options.socket_directory;
    return MakeDirectories(socket_directory_);
  }
  // Not TMPDIR, which can be long itself.
  char name[] = "/tmp/pgcairn-XXXXXX";
  if (::mkdtemp(name) == nullptr) return ErrnoError(errno, "making a socket directory", name);
  socket_directory_ = name;
  owns_socket_directory_ = true;
  return {};
}

Status StandaloneServer::Launch(const Options& options) {
  ASSIGN_OR_RETURN(UniqueFd in, Open("/dev/null", O_RDONLY));
  ASSIGN_OR_RETURN(UniqueFd log, Open(options.log_file, O_WRONLY | O_APPEND));
  ChildProgram child;
  child.line = CommandLine(options, socket_directory_);
  child.environment = ServerEnvironment();
  child.input = in.get();
  child.output = child.errors = log.get();
  child.death_signal = SIGQUIT;
  // A Ctrl-C at the terminal is for us; we stop the server in good order.
  child.own_session = true;
  ASSIGN_OR_RETURN(pid_, StartChild(child));
  return {};
}

Status StandaloneServer::WaitUntilReady(const Options& options, off_t log_start) {
  double deadline = MonotonicSeconds() + options.timeout_s;
  for (;;) {
    std::string state = StateInPidFile(options.data_directory, pid_);
    if (state == "ready") return {};
    if (Reap()) {
      return WithLog(Code::kFailed, fmt::format("the server {}", DescribeExit(exit_status_)),
                     options.log_file, log_start);
    }
    if (MonotonicSeconds() >= deadline) break;
    std::this_thread::sleep_for(kPollInterval);
  }
  (void)Stop();
  return WithLog(Code::kTimeout,
                 fmt::format("recovery was not over after {:.0f} s", options.timeout_s),
                 options.log_file, log_start);
}

bool StandaloneServer::Reap() {
  if (pid_ < 0) return true;
  pid_t got = 0;
  do {
    got = ::waitpid(pid_, &exit_status_, WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  pid_ = -1;
  return true;
}

bool StandaloneServer::WaitForEnd(double seconds) {
  double deadline = MonotonicSeconds() + seconds;
  while (!Reap()) {
    if (MonotonicSeconds() >= deadline) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

Status StandaloneServer::Stop() {
  Status status;
  if (pid_ >= 0) {
    pid_t server = pid_;
    ::kill(server, SIGINT);
    if (!WaitForEnd(kFastStopSeconds)) {
      status = Error{Code::kTimeout,
                     fmt::format("stopping the server (process {}): it did not end in {:.0f} s and "
                                 "was ended without a checkpoint",
                                 server, kFastStopSeconds),
                     ""};
      ::kill(server, SIGQUIT);
      if (!WaitForEnd(kImmediateStopSeconds)) {
        // Its children notice that it is gone and end too.
        ::kill(server, SIGKILL);
        WaitForEnd(kImmediateStopSeconds);
      }
    } else if (exit_status_ != 0) {
      status = Error{Code::kFailed,
                     fmt::format("stopping the server (process {}): it {}", server,
                                 DescribeExit(exit_status_)),
                     ""};
    }
  }
  if (std::exchange(owns_socket_directory_, false)) {
    std::error_code ignored;
    std::filesystem::remove_all(socket_directory_, ignored);
  }
  return status;
}

std::string StandaloneServer::Conninfo(const std::string& database, const std::string& user) const {
  // What is empty here keeps libpq's environment variables from pointing elsewhere. Libraries that
  // a database or a role asks for (ALTER ROLE ... SET) need not be on this machine.
  std::string text = fmt::format(
      "host={} hostaddr='' port={} dbname={} options='-c session_preload_libraries= -c "
      "local_preload_libraries=' requirepeer='' target_session_attrs=any "
      "channel_binding=disable gssencmode=disable sslmode=disable",
      QuoteConninfo(socket_directory_), port_, QuoteConninfo(database));
  if (!user.empty()) text += fmt::format(" user={}", QuoteConninfo(user));
  return text;
}

}  // namespace pgcairn::postgres
