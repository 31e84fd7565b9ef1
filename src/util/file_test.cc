#include "util/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace pgcairn {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/pgcairn-file-test-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(FileTest, DurableWriteSetsTheModeWhateverTheUmask) {
  mode_t before = ::umask(0);
  std::string path = directory_ + "/f";
  EXPECT_TRUE(WriteFileDurably(path, AsBytes("one"), 0600).ok());
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_TRUE(WriteFileDurably(path, AsBytes("two"), 0600).ok());
  EXPECT_EQ(ToString(*ReadFile(path, 10)), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(FileTest, AFailedDurableWriteLeavesWhatWasThere) {
  std::string path = directory_ + "/f";
  ASSERT_TRUE(WriteFileDurably(path + "/kept", AsBytes("one")).code() == Code::kNotFound);
  std::filesystem::create_directories(path);
  ASSERT_TRUE(WriteFileDurably(path + "/kept", AsBytes("one")).ok());
  // A directory cannot be replaced by a file: the last step fails.
  EXPECT_FALSE(WriteFileDurably(path, AsBytes("two")).ok());
  EXPECT_EQ(ToString(*ReadFile(path + "/kept", 10)), "one");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(FileTest, ReadingStopsAtTheBound) {
  std::string path = directory_ + "/f";
  ASSERT_TRUE(WriteFileDurably(path, AsBytes("12345")).ok());
  EXPECT_TRUE(ReadFile(path, 5).ok());
  EXPECT_EQ(ReadFile(path, 4).code(), Code::kStorage);
  EXPECT_EQ(ReadFile(path + "x", 4).code(), Code::kNotFound);
}

TEST_F(FileTest, DirectoriesAreMadeWithTheMode) {
  mode_t before = ::umask(0);
  EXPECT_TRUE(MakeDirectories(directory_ + "/a/b").ok());
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat((directory_ + "/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(Path, AbsoluteAgainstABase) {
  EXPECT_EQ(AbsolutePath("./storage/local", "/srv/app"), "/srv/app/storage/local");
  EXPECT_EQ(AbsolutePath("/a//b/../c/", "/x"), "/a/c");
  EXPECT_EQ(DirectoryOf("/a"), "/");
  EXPECT_EQ(DirectoryOf("a"), ".");
  EXPECT_EQ(FileNameOf("/a/b"), "b");
}

}  // namespace
}  // namespace pgcairn
