#include "commands/trial_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): siginfo_t of pidfd_send_signal
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "commands/restore_target.h"
#include "util/bytes.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

// Of this host only: on a disk that hosts share, a lock of another one may not be seen, nor its
// processes.
std::string NamePrefix() {
  char host[256] = "";
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  std::string prefix = fmt::format("pgcairn-restore-test-{}-", host);
  std::replace(prefix.begin(), prefix.end(), '/', '_');
  return prefix;
}

void Remove(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) LogWarning("removing {}: {}", path, error.message());
}

bool IsAt(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// A directory of this user, locked by nobody until now. Invalid for anything else.
UniqueFd LockLeftBehind(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  bool ours = fd.valid() && ::fstat(fd.get(), &info) == 0 && info.st_uid == ::geteuid() &&
              ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  return ours ? std::move(fd) : UniqueFd();
}

// The first line of postmaster.pid. Source: LOCK_FILE_LINE_PID in src/include/utils/pidfile.h.
std::optional<pid_t> ServerIn(const std::string& data_directory) {
  Result<Bytes> content = ReadFile(data_directory + "/postmaster.pid", 16384);
  if (!content.ok()) return std::nullopt;
  std::string_view line = AsText(*content);
  line = line.substr(0, line.find('\n'));
  pid_t pid = 0;
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
  bool whole = error == std::errc() && end == line.data() + line.size() && pid > 1;
  return whole ? std::optional<pid_t>(pid) : std::nullopt;
}

// A server's working directory is its data directory (ChangeToDataDir in src/backend/utils/init/
// miscinit.c); a pid file alone may name a process that came later.
bool WorksIn(pid_t pid, const std::string& data_directory) {
  std::error_code error;
  auto cwd = std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
  if (error) return false;
  auto wanted = std::filesystem::canonical(data_directory, error);
  return !error && cwd == wanted;
}

bool EndsWithin(int process_fd, int timeout_ms) {
  pollfd ended{process_fd, POLLIN, 0};
  int got = 0;
  do {
    got = ::poll(&ended, 1, timeout_ms);
  } while (got < 0 && errno == EINTR);
  return got > 0;
}

// False when a server still runs there.
bool StopServerIn(const std::string& data_directory) {
  constexpr int kPatienceMs = 15'000;
  std::optional<pid_t> pid = ServerIn(data_directory);
  if (!pid || !WorksIn(*pid, data_directory)) return true;
  // The descriptor means this process even if its number is used again meanwhile.
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (!process.valid()) return errno == ESRCH;
  if (!WorksIn(*pid, data_directory)) return true;
  LogInfo("stopping the server of a trial that was killed (process {}, in {})", *pid,
          data_directory);
  // At once, without a checkpoint: its files go next.
  for (int signal : {SIGQUIT, SIGKILL}) {
    bool sent = ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
    if ((!sent && errno == ESRCH) || EndsWithin(process.get(), kPatienceMs)) return true;
  }
  return false;
}

void RemoveLeftBehind(const std::string& parent) {
  const std::string prefix = NamePrefix();
  std::error_code error;
  std::filesystem::directory_iterator entry(parent, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    UniqueFd lock = LockLeftBehind(path);
    if (!lock.valid()) continue;
    if (!StopServerIn(ChooseTestPlaces({}, path).data_directory)) {
      LogWarning("the server in {} cannot be stopped: it stays", path);
      continue;
    }
    LogInfo("removing {}, which a trial that was killed left behind", path);
    Remove(path);
  }
}

}  // namespace

TrialDirectory::TrialDirectory(std::string path, UniqueFd lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

TrialDirectory::TrialDirectory(TrialDirectory&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_(std::move(other.lock_)) {}

TrialDirectory::~TrialDirectory() {
  if (!path_.empty()) Remove(path_);
}

Result<TrialDirectory> TrialDirectory::Make(const std::string& parent) {
  RETURN_IF_ERROR(MakeDirectories(parent));
  RemoveLeftBehind(parent);
  constexpr int kTriesMax = 100;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    std::string path = fmt::format("{}/{}XXXXXX", parent, NamePrefix());
    if (::mkdtemp(path.data()) == nullptr) {
      return ErrnoError(errno, "creating a directory in", parent);
    }
    // Between its making and its locking another trial may take it for left behind, and remove it.
    UniqueFd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!lock.valid() && errno != ENOENT) return ErrnoError(errno, "opening", path);
    // Where there are no locks, nobody can take this one for left behind either.
    bool taken =
        lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (lock.valid() && !taken && IsAt(lock.get(), path)) {
      return TrialDirectory(std::move(path), std::move(lock));
    }
  }
  return Error{Code::kFailed, "other trials remove every new directory in " + parent,
               "set restore.test_directory to a folder that this host has for itself"};
}

void DiscardTrial(const std::string& path) {
  constexpr int kTries = 20;
  const std::string data = ChooseTestPlaces({}, path).data_directory;
  std::error_code error;
  for (int tries = 0; tries < kTries; ++tries) {
    StopServerIn(data);
    // What is made in it meanwhile is found the next time.
    std::filesystem::remove_all(path, error);
    if (!std::filesystem::exists(path, error)) return;
    ::usleep(50'000);
  }
  LogWarning("{} stays: the next trial removes it", path);
}

}  // namespace pgcairn::commands
