#include "cli/new_passphrase.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "util/bytes.h"
#include "util/file.h"
#include "util/shell_quoting.h"

namespace pgcairn::cli {
namespace {

constexpr char kVariable[] = "BACKUP_ENCRYPTION_KEY_NEW";
constexpr size_t kBytesMax = 4096;

Error Empty(const std::string& where) {
  return {Code::kUsage, fmt::format("the new passphrase in {} is empty", where),
          "`openssl rand -base64 24` makes one that needs no thought"};
}

void Wipe(Bytes& bytes) {
  volatile uint8_t* at = bytes.data();
  for (size_t i = 0; i < bytes.size(); ++i) at[i] = 0;
}

Result<config::Secret> FromFile(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return ErrnoError(errno, "reading the new passphrase from", path);
  }
  if ((info.st_mode & 077) != 0) {
    return Error{Code::kPermission, fmt::format("others can read the passphrase in {}", path),
                 fmt::format("run: chmod 600 {}", QuoteForShell(path))};
  }
  ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, kBytesMax));
  std::string_view line = AsText(bytes);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  config::Secret secret(line);
  Wipe(bytes);
  if (secret.empty()) return Empty(path);
  return secret;
}

// The terminal without echo, and with signals that end a read instead of the process, which would
// leave it so.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    valid_ = ::tcgetattr(fd_, &before_) == 0;
    if (!valid_) return;
    struct termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    valid_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
    // They are let in only while somebody waits for input: one that came just before would be lost.
    sigset_t signals;
    ::sigemptyset(&signals);
    for (int signal : kSignals) ::sigaddset(&signals, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals, &mask_before_);
    struct sigaction ignore {};
    ignore.sa_handler = [](int) {};
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &ignore, &actions_[i]);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() {
    if (!valid_) return;
    ::tcsetattr(fd_, TCSAFLUSH, &before_);
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &actions_[i], nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  bool valid() const { return valid_; }

  // Returns when there is something to read. kCancelled: a signal came.
  Status AwaitInput() const {
    struct pollfd waiting {
      fd_, POLLIN, 0
    };
    if (::ppoll(&waiting, 1, nullptr, &mask_before_) >= 0) return {};
    if (errno == EINTR) return Error{Code::kCancelled, "stopped by a signal", ""};
    return ErrnoError(errno, "waiting for", "the terminal");
  }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  const int fd_;
  bool valid_ = false;
  struct termios before_ {};
  sigset_t mask_before_{};
  std::array<struct sigaction, kSignals.size()> actions_{};
};

Result<config::Secret> ReadLine(const QuietTerminal& terminal, int fd, std::string_view prompt) {
  RETURN_IF_ERROR(WriteAll(fd, AsBytes(prompt), "the terminal"));
  Bytes line(kBytesMax);
  Status ready = terminal.AwaitInput();
  ssize_t got = ready.ok() ? ::read(fd, line.data(), line.size()) : 0;
  const int saved_errno = errno;
  RETURN_IF_ERROR(WriteAll(fd, AsBytes("\n"), "the terminal"));
  RETURN_IF_ERROR(ready);
  if (got < 0) return ErrnoError(saved_errno, "reading", "the terminal");
  std::string_view text = AsText(ByteView(line).first(static_cast<size_t>(got)));
  config::Secret secret(text.substr(0, text.find('\n')));
  Wipe(line);
  return secret;
}

Result<config::Secret> FromTerminal() {
  Result<UniqueFd> terminal = Open("/dev/tty", O_RDWR | O_NOCTTY);
  if (!terminal.ok()) {
    return Error{Code::kUsage, "a new passphrase is needed, and there is no terminal to ask on",
                 fmt::format("set {}, or name a file with --passphrase-file", kVariable)};
  }
  QuietTerminal quiet(terminal->get());
  if (!quiet.valid()) return ErrnoError(errno, "switching off the echo of", "the terminal");
  ASSIGN_OR_RETURN(config::Secret first, ReadLine(quiet, terminal->get(), "New passphrase: "));
  if (first.empty()) return Empty("the answer");
  ASSIGN_OR_RETURN(config::Secret again, ReadLine(quiet, terminal->get(), "The same once more: "));
  if (first.Reveal() == again.Reveal()) return first;
  return Error{Code::kUsage, "the two passphrases differ", "run the command again"};
}

}  // namespace

Result<config::Secret> ReadNewPassphrase(const std::string& file) {
  if (!file.empty()) return FromFile(file);
  const char* variable = std::getenv(kVariable);
  if (variable != nullptr && *variable != '\0') return config::Secret(variable);
  return FromTerminal();
}

}  // namespace pgcairn::cli
