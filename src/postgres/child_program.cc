#include "postgres/child_program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

std::vector<char*> EndedByNull(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Runs in the child between fork and exec of a program with threads: async-signal-safe calls only.
[[noreturn]] void Become(const ChildProgram& child, pid_t parent, int report, char* const* line,
                         char* const* environment) {
  if (child.own_session) ::setsid();
  ::prctl(PR_SET_PDEATHSIG, child.death_signal);
  // It may have been killed before.
  if (::getppid() != parent) ::_exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // What this process ignores would stay ignored.
  for (int signal : {SIGPIPE, SIGCHLD, child.death_signal}) ::signal(signal, SIG_DFL);
  // What it writes is nobody else's.
  ::umask(077);
  if (::dup2(child.input, STDIN_FILENO) >= 0 && ::dup2(child.output, STDOUT_FILENO) >= 0 &&
      ::dup2(child.errors, STDERR_FILENO) >= 0) {
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(line[0], line, environment);
  }
  const int failed = errno;
  [[maybe_unused]] ssize_t put = ::write(report, &failed, sizeof failed);
  ::_exit(1);
}

}  // namespace

Result<pid_t> StartChild(const ChildProgram& child) {
  std::vector<std::string> line = child.line, environment = child.environment;
  const std::vector<char*> arguments = EndedByNull(line), variables = EndedByNull(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for", line[0]);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) Become(child, parent, writer.get(), arguments.data(), variables.data());
  if (pid < 0) return ErrnoError(errno, "starting a process for", line[0]);
  (void)writer.Close(line[0]);
  // The pipe closes without a byte when exec succeeds.
  int failed = 0;
  ssize_t got = 0;
  do {
    got = ::read(reader.get(), &failed, sizeof failed);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof failed) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return ErrnoError(failed, "running", line[0]);
}

}  // namespace pgcairn::postgres
