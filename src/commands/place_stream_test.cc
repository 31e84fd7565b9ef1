#include "commands/place_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

struct stat Look(const std::string& path) {
  struct stat info {};
  CHECK(::lstat(path.c_str(), &info) == 0);
  return info;
}

bool SameTimes(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

class PlaceStreamTest : public ::testing::Test {
 protected:
  void Write(const std::string& text, mode_t mode = 0600) {
    CHECK(WriteFileDurably(path_, AsBytes(text), mode).ok());
  }
  std::string Content() {
    Result<Bytes> content = ReadFile(path_, 1 << 20);
    CHECK(content.ok());
    return ToString(*content);
  }
  // Whether a file that was there is kept.
  bool Place(uint64_t size, uint16_t mode = 0600) {
    repository::StreamEntry entry;
    entry.size = size;
    entry.mode = mode;
    Result<bool> kept = PlaceFile(path_, entry, Existing::kReuse);
    CHECK(kept.ok());
    return *kept;
  }

  storage::ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/file";
  const std::string other_ = scratch_.path() + "/other";
};

TEST_F(PlaceStreamTest, AnEmptyPlaceIsNeverWrittenOver) {
  repository::StreamEntry entry;
  entry.size = 3;
  entry.mode = 0640;
  ASSERT_TRUE(PlaceFile(path_, entry, Existing::kRefuse).ok());
  EXPECT_EQ(Content(), std::string(3, '\0'));
  EXPECT_EQ(Look(path_).st_mode & 07777, 0640u);
  EXPECT_EQ(PlaceFile(path_, entry, Existing::kRefuse).code(), Code::kAlreadyExists);
}

TEST_F(PlaceStreamTest, WhatIsRightIsNotTouched) {
  Write("abc", 0640);
  const struct stat before = Look(path_);
  EXPECT_TRUE(Place(3, 0640));
  EXPECT_TRUE(SameTimes(before, Look(path_)));
  EXPECT_EQ(Content(), "abc");
}

TEST_F(PlaceStreamTest, SizeAndModeAreMadeRight) {
  Write("abcdef", 0666);
  EXPECT_TRUE(Place(3));
  EXPECT_EQ(Content(), "abc");
  EXPECT_EQ(Look(path_).st_mode & 07777, 0600u);
  EXPECT_TRUE(Place(5, 0400));
  EXPECT_EQ(Content(), std::string("abc\0\0", 5));
  EXPECT_EQ(Look(path_).st_mode & 07777, 0600u) << "writable until it is filled";
  EXPECT_FALSE(std::filesystem::remove(other_));
}

TEST_F(PlaceStreamTest, AFileWithASecondNameIsReplacedAndTheOtherKept) {
  Write("abc");
  std::filesystem::create_hard_link(path_, other_);
  EXPECT_FALSE(Place(3));
  EXPECT_EQ(Content(), std::string(3, '\0'));
  EXPECT_EQ(ToString(*ReadFile(other_, 10)), "abc");
}

TEST_F(PlaceStreamTest, WhatIsNoFileIsReplaced) {
  CHECK(WriteFileDurably(other_, AsBytes("abc")).ok());
  std::filesystem::create_symlink(other_, path_);
  EXPECT_FALSE(Place(2));
  EXPECT_EQ(Content(), std::string(2, '\0'));
  EXPECT_EQ(ToString(*ReadFile(other_, 10)), "abc");
  std::filesystem::remove(path_);
  CHECK(MakeDirectories(path_ + "/with/content").ok());
  EXPECT_FALSE(Place(0));
  EXPECT_EQ(Content(), "");
}

TEST_F(PlaceStreamTest, ADirectoryIsKeptAndALinkOnlyWhereOneMayBe) {
  CHECK(MakeDirectories(path_ + "/below", 0750).ok());
  ASSERT_TRUE(PlaceDirectory(path_, 0700, Existing::kReuse).ok());
  EXPECT_EQ(Look(path_).st_mode & 07777, 0700u);
  EXPECT_TRUE(Exists(path_ + "/below"));
  const struct stat before = Look(path_);
  ASSERT_TRUE(PlaceDirectory(path_, 0700, Existing::kReuse).ok());
  EXPECT_TRUE(SameTimes(before, Look(path_)));
  std::filesystem::create_symlink(path_, other_);
  ASSERT_TRUE(PlaceDirectory(other_, 0700, Existing::kReuse, true).ok());
  EXPECT_TRUE(S_ISLNK(Look(other_).st_mode));
  ASSERT_TRUE(PlaceDirectory(other_, 0700, Existing::kReuse, false).ok());
  EXPECT_TRUE(S_ISDIR(Look(other_).st_mode));
  EXPECT_TRUE(Exists(path_ + "/below"));
}

TEST_F(PlaceStreamTest, ALinkLeadsWhereItShould) {
  ASSERT_TRUE(PlaceLink(path_, "/one", Existing::kRefuse).ok());
  EXPECT_FALSE(PlaceLink(path_, "/two", Existing::kRefuse).ok());
  const struct stat before = Look(path_);
  ASSERT_TRUE(PlaceLink(path_, "/one", Existing::kReuse).ok());
  EXPECT_TRUE(SameTimes(before, Look(path_)));
  ASSERT_TRUE(PlaceLink(path_, "/two", Existing::kReuse).ok());
  EXPECT_EQ(std::filesystem::read_symlink(path_), "/two");
  CHECK(MakeDirectories(other_ + "/in/place").ok());
  ASSERT_TRUE(PlaceLink(other_, "/two", Existing::kReuse).ok());
  EXPECT_EQ(std::filesystem::read_symlink(other_), "/two");
}

}  // namespace
}  // namespace pgcairn::commands
