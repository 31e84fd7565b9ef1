#include "util/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "util/file.h"

namespace pgcairn {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/pgcairn-log-test-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/log";
  }
  void TearDown() override {
    SetLogLevel(before_);
    ASSERT_TRUE(OpenLogFile("/dev/null").ok());
    std::filesystem::remove_all(directory_);
  }

  std::vector<std::string> Lines() {
    std::istringstream text(ToString(*ReadFile(path_, 1 << 20)));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  const LogLevel before_ = GetLogLevel();
  std::string directory_;
  std::string path_;
};

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 250;
  ASSERT_TRUE(OpenLogFile(path_).ok());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([thread] {
      for (int i = 0; i < kLines; ++i) {
        SetLogLevel(i % 2 == 0 ? LogLevel::kInfo : LogLevel::kWarning);
        LogToFile(LogLevel::kError, fmt::format("thread {} line {} end", thread, i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> expected;
  for (int i = 0; i < kThreads * kLines; ++i) {
    expected.insert(fmt::format("] ERROR: thread {} line {} end", i / kLines, i % kLines));
  }
  std::set<std::string> seen;
  for (const std::string& line : Lines()) {
    seen.insert(line.substr(std::min(line.find(']'), line.size())));
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(LogTest, AnotherFileMayBeOpenedWhileOthersLog) {
  ASSERT_TRUE(OpenLogFile(path_).ok());
  std::thread other([] {
    for (int i = 0; i < 500; ++i) LogToFile(LogLevel::kError, "line");
  });
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(OpenLogFile(path_).ok());
  other.join();
  EXPECT_EQ(Lines().size(), 500u);
}

TEST_F(LogTest, TheFileIsItsOwnersAndGetsWhatTheLevelLetsPass) {
  mode_t before = ::umask(0);
  ASSERT_TRUE(OpenLogFile(path_).ok());
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  SetLogLevel(LogLevel::kWarning);
  LogToFile(LogLevel::kInfo, "below");
  LogToFile(LogLevel::kWarning, "enough");
  std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].ends_with("] WARNING: enough")) << lines[0];
}

}  // namespace
}  // namespace pgcairn
