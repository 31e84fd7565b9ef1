#include "postgres/program_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "postgres/child_program.h"
#include "postgres/connection_errors.h"
#include "util/clock.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

constexpr size_t kPieceBytes = 65'536;
// What went before is of no interest to somebody who looks for a reason.
constexpr size_t kErrorBytesMax = 4096;
constexpr double kSecondsToEnd = 5;

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> MakePipe(const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for", program);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A child process that is waited for exactly once.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) End();
  }

  int Wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  void End() {
    ::kill(pid_, SIGTERM);
    const double deadline = MonotonicSeconds() + kSecondsToEnd;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (MonotonicSeconds() > deadline) {
        ::kill(pid_, SIGKILL);
        Wait();
        return;
      }
      ::usleep(10'000);
    }
  }

  pid_t pid_;
};

Result<pid_t> Start(const ProgramRun& run, const UniqueFd& output, const UniqueFd& errors) {
  ASSIGN_OR_RETURN(UniqueFd nothing, Open("/dev/null", O_RDONLY));
  ChildProgram child;
  child.line = {run.program};
  child.line.insert(child.line.end(), run.arguments.begin(), run.arguments.end());
  child.environment = run.environment;
  child.input = nothing.get();
  child.output = output.get();
  child.errors = errors.get();
  // pg_restore and pg_dump end their workers, and what these have the server do
  // (sigTermHandler in src/bin/pg_dump/parallel.c).
  child.death_signal = SIGTERM;
  return StartChild(child);
}

// The bytes that are there; none at the end.
Result<size_t> ReadPiece(const UniqueFd& from, Bytes& piece, const std::string& program) {
  while (true) {
    const ssize_t got = ::read(from.get(), piece.data(), piece.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return ErrnoError(errno, "reading from", program);
  }
}

// Reads both until both have ended: a program that waits for room in one of them writes nothing to
// the other.
Status ReadBoth(const Pipe& output, const Pipe& errors, const std::string& program,
                const OnOutput& on_output, std::string& said) {
  Bytes piece(kPieceBytes);
  pollfd ends[] = {{output.reader.get(), POLLIN, 0}, {errors.reader.get(), POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "waiting for", program);
    }
    if (ends[0].revents != 0) {
      ASSIGN_OR_RETURN(size_t got, ReadPiece(output.reader, piece, program));
      if (got == 0) ends[0].fd = -1;
      if (got > 0) RETURN_IF_ERROR(on_output(ByteView(piece).first(got)));
    }
    if (ends[1].revents != 0) {
      ASSIGN_OR_RETURN(size_t got, ReadPiece(errors.reader, piece, program));
      if (got == 0) ends[1].fd = -1;
      said.append(AsText(ByteView(piece).first(got)));
      if (said.size() > 2 * kErrorBytesMax) said.erase(0, said.size() - kErrorBytesMax);
    }
  }
  return {};
}

}  // namespace

Status RunProgram(const ProgramRun& run, const OnOutput& on_output) {
  ASSIGN_OR_RETURN(Pipe output, MakePipe(run.program));
  ASSIGN_OR_RETURN(Pipe errors, MakePipe(run.program));
  ASSIGN_OR_RETURN(pid_t pid, Start(run, output.writer, errors.writer));
  Child child(pid);
  RETURN_IF_ERROR(output.writer.Close(run.program));
  RETURN_IF_ERROR(errors.writer.Close(run.program));
  std::string said;
  RETURN_IF_ERROR(ReadBoth(output, errors, run.program, on_output, said));
  const int status = child.Wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (said.size() > kErrorBytesMax) said.erase(0, said.size() - kErrorBytesMax);
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("was ended by signal {}", WTERMSIG(status))
                              : fmt::format("ended with {}", WEXITSTATUS(status));
  return Error{Code::kFailed,
               fmt::format("{} {}{}{}", run.program, how, said.empty() ? "" : ": ", OneLine(said)),
               ""};
}

}  // namespace pgcairn::postgres
