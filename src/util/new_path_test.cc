#include "util/new_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "util/bytes.h"

namespace pgcairn {
namespace {

class NewPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  size_t Count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

TEST_F(NewPathTest, HasItsNameWhenItIsPublished) {
  Result<NewPath> file = NewPath::Make(Path("file"), NewPath::Kind::kFile);
  ASSERT_TRUE(file.ok()) << file.error().message;
  std::ofstream(file->temporary()) << "content";
  EXPECT_FALSE(Exists(Path("file")));
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(AsText(ReadFile(Path("file"), 100).value()), "content");
  EXPECT_EQ(ModeOf(Path("file")), 0600U);
  Result<NewPath> folder = NewPath::Make(Path("folder"), NewPath::Kind::kFolder);
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  std::ofstream(folder->temporary() + "/in") << "it";
  ASSERT_TRUE(folder->Publish().ok());
  EXPECT_TRUE(Exists(Path("folder/in")));
  EXPECT_EQ(ModeOf(Path("folder")), 0700U);
  EXPECT_EQ(Count(), 2U);
}

TEST_F(NewPathTest, IsGoneWhenItIsNotPublished) {
  for (NewPath::Kind kind : {NewPath::Kind::kFile, NewPath::Kind::kFolder}) {
    Result<NewPath> made = NewPath::Make(Path("it"), kind);
    ASSERT_TRUE(made.ok());
    if (kind == NewPath::Kind::kFolder) std::ofstream(made->temporary() + "/in") << "it";
    EXPECT_EQ(Count(), 1U);
  }
  EXPECT_EQ(Count(), 0U);
}

TEST_F(NewPathTest, WhatHasTheNameKeepsIt) {
  for (NewPath::Kind kind : {NewPath::Kind::kFile, NewPath::Kind::kFolder}) {
    Result<NewPath> made = NewPath::Make(Path("it"), kind);
    ASSERT_TRUE(made.ok());
    std::filesystem::create_directories(Path("it"));
    EXPECT_EQ(made->Publish().code(), Code::kAlreadyExists);
    EXPECT_EQ(NewPath::Make(Path("it"), kind).code(), Code::kAlreadyExists);
    std::filesystem::remove(Path("it"));
    std::filesystem::create_symlink("nowhere", Path("it"));
    EXPECT_EQ(made->Publish().code(), Code::kAlreadyExists);
    std::filesystem::remove(Path("it"));
  }
  EXPECT_EQ(Count(), 0U);
  EXPECT_EQ(NewPath::Make(Path("none/it"), NewPath::Kind::kFile).code(), Code::kNotFound);
}

}  // namespace
}  // namespace pgcairn
