#include "postgres/program_run.h"

#include <gtest/gtest.h>
#include <signal.h>

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

TEST_F(ProgramRunTest, OneThatIsNotThereIsNamed) {
  Status failed = RunProgram({"/nowhere/pg_dump", {}, {}}, [](ByteView) { return Status(); });
  ASSERT_EQ(failed.code(), Code::kNotFound);
  EXPECT_NE(failed.error().message.find("/nowhere/pg_dump"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::postgres
