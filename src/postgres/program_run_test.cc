#include "postgres/program_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace pgcairn::postgres {
namespace {

class ProgramRunTest : public ::testing::Test {
 protected:
  Status Shell(const std::string& script) {
    return RunProgram({"/bin/sh", {"-c", script}, {"LC_ALL=C", "NAME=value"}}, [&](ByteView piece) {
      output_ += AsText(piece);
      return fail_ ? Status(Error{Code::kNoSpace, "no room", ""}) : Status();
    });
  }

  std::string output_;
  bool fail_ = false;
};

TEST_F(ProgramRunTest, ItsOutputComesWholeAndItsEnvironmentIsTheGivenOne) {
  ASSERT_TRUE(Shell("echo $NAME-$HOME; cat; /usr/bin/seq 100000").ok());
  EXPECT_TRUE(output_.starts_with("value-\n1\n2\n"));
  EXPECT_TRUE(output_.ends_with("\n100000\n"));
}

TEST_F(ProgramRunTest, AFailureSaysWhatTheProgramSaidLast) {
  Status failed =
      Shell("echo some rows; /usr/bin/seq 100000 >&2; echo 'no such\ntable' >&2; exit 3");
  ASSERT_EQ(failed.code(), Code::kFailed);
  EXPECT_NE(failed.error().message.find("/bin/sh ended with 3: "), std::string::npos);
  EXPECT_NE(failed.error().message.find("no such; table"), std::string::npos);
  EXPECT_LT(failed.error().message.size(), 5000u);
  EXPECT_EQ(output_, "some rows\n");
}

TEST_F(ProgramRunTest, ASignalIsAFailure) {
  Status failed = Shell("kill -9 $$");
  ASSERT_EQ(failed.code(), Code::kFailed);
  EXPECT_NE(failed.error().message.find("signal 9"), std::string::npos);
}

// Whatever it wants to write and however it takes its end.
TEST_F(ProgramRunTest, AfterAnErrorOfOursItIsGone) {
  fail_ = true;
  Status failed = Shell("echo $$; trap '' TERM; /bin/sleep 1000");
  EXPECT_EQ(failed.code(), Code::kNoSpace);
  const pid_t pid = std::stoi(output_);
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

// Not even one that writes nothing.
TEST_F(ProgramRunTest, ItDoesNotOutliveAProcessThatIsKilled) {
  // Orphans become ours.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t process = ::fork();
  if (process == 0) {
    (void)RunProgram({"/bin/sh", {"-c", "echo $$; exec /bin/sleep 20"}, {}},
                     [&](ByteView piece) -> Status {
                       const ssize_t put = ::write(ends[1], piece.data(), piece.size());
                       return put > 0 ? Status() : Status(Error{Code::kFailed, "pipe", ""});
                     });
    ::_exit(0);
  }
  char text[32] = {};
  ASSERT_GT(::read(ends[0], text, sizeof text - 1), 0);
  const pid_t program = std::stoi(text);
  ASSERT_EQ(::kill(process, SIGKILL), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(process, &status, 0), process);
  EXPECT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

TEST_F(ProgramRunTest, OneThatIsNotThereIsNamed) {
  Status failed = RunProgram({"/nowhere/pg_dump", {}, {}}, [](ByteView) { return Status(); });
  ASSERT_EQ(failed.code(), Code::kNotFound);
  EXPECT_NE(failed.error().message.find("/nowhere/pg_dump"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::postgres
