#include "commands/delta_takeover.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "commands/running_server.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

// A process that looks like a server's, until it goes out of scope.
class FakeServer {
 public:
  explicit FakeServer(const std::string& directory, const char* name = "postgres") {
    int ready[2];
    CHECK(::pipe(ready) == 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      char byte = 0;
      if (::chdir(directory.c_str()) == 0 && ::prctl(PR_SET_NAME, name) == 0 &&
          ::write(ready[1], &byte, 1) == 1) {
        for (;;) ::pause();
      }
      ::_exit(1);
    }
    char byte = 0;
    ::close(ready[1]);
    CHECK(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  ~FakeServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

class DeltaTakeoverTest : public ::testing::Test {
 protected:
  DeltaTakeoverTest() {
    CHECK(MakeDirectories(data_ + "/global").ok());
    CHECK(MakeDirectories(data_ + "/pg_tblspc").ok());
    CHECK(MakeDirectories(place_).ok());
    CHECK(WriteFileDurably(control_, AsBytes("control")).ok());
  }
  void WritePid(const std::string& line) {
    CHECK(WriteFileDurably(pid_file_, AsBytes(line + "\n" + data_ + "\n")).ok());
  }

  storage::ScratchDirectory scratch_;
  const std::string data_ = scratch_.path() + "/data";
  const std::string place_ = scratch_.path() + "/place";
  const std::string control_ = data_ + "/global/pg_control";
  const std::string pid_file_ = data_ + "/postmaster.pid";
};

TEST_F(DeltaTakeoverTest, NoServerCanStartAfterwards) {
  ASSERT_TRUE(TakeFromServers(data_).ok());
  EXPECT_FALSE(Exists(control_));
  EXPECT_FALSE(Exists(pid_file_));
  EXPECT_TRUE(TakeFromServers(data_).ok()) << "a second time";
}

TEST_F(DeltaTakeoverTest, APidFileOfADeadServerGoes) {
  pid_t dead = 0;
  { dead = FakeServer(place_).pid(); }
  for (const std::string& line :
       {std::to_string(dead), fmt::format("-{}", dead), std::to_string(::getpid()),
        std::string("nonsense"), std::string("0"), std::string("99999999999")}) {
    CHECK(WriteFileDurably(control_, AsBytes("control")).ok());
    WritePid(line);
    ASSERT_TRUE(TakeFromServers(data_).ok()) << line;
    EXPECT_FALSE(Exists(control_));
    EXPECT_FALSE(Exists(pid_file_));
  }
}

TEST_F(DeltaTakeoverTest, ALiveProcessOfThePidFileIsRefused) {
  FakeServer other(place_, "some-program");
  for (const std::string& line : {std::to_string(other.pid()), fmt::format("-{}", other.pid())}) {
    WritePid(line);
    Status taken = TakeFromServers(data_);
    ASSERT_FALSE(taken.ok());
    EXPECT_EQ(taken.code(), Code::kRefused);
    EXPECT_NE(taken.error().hint.find(pid_file_), std::string::npos);
    EXPECT_TRUE(Exists(control_) && Exists(pid_file_));
  }
}

TEST_F(DeltaTakeoverTest, AServerInTheDirectoryIsRefusedWithoutAPidFile) {
  for (const char* name : {"postgres", "postmaster"}) {
    FakeServer server(data_, name);
    Status taken = TakeFromServers(data_);
    ASSERT_FALSE(taken.ok()) << name;
    EXPECT_EQ(taken.code(), Code::kRefused);
    EXPECT_TRUE(Exists(control_));
  }
}

TEST_F(DeltaTakeoverTest, APlaceThatARunningServerLinksToIsRefused) {
  const std::string wal = scratch_.path() + "/wal";
  CHECK(MakeDirectories(wal).ok());
  CHECK(::symlink(place_.c_str(), (data_ + "/pg_tblspc/16400").c_str()) == 0);
  CHECK(::symlink(wal.c_str(), (data_ + "/pg_wal").c_str()) == 0);
  EXPECT_TRUE(RefuseUsedByServer(place_).ok() && RefuseUsedByServer(wal).ok());
  FakeServer server(data_);
  for (const std::string& used : {place_, wal, place_ + "/"}) {
    Status status = RefuseUsedByServer(used);
    ASSERT_FALSE(status.ok()) << used;
    EXPECT_EQ(status.code(), Code::kRefused);
    EXPECT_NE(status.error().message.find(data_), std::string::npos);
  }
  EXPECT_TRUE(RefuseUsedByServer(scratch_.path()).ok());
}

}  // namespace
}  // namespace pgcairn::commands
