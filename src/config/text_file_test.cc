#include "config/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "config/testing/temporary_directory.h"

namespace pgcairn::config {
namespace {

using testing::TemporaryDirectory;

TEST(ReadTextFile, BringsTextOwnerAndMode) {
  TemporaryDirectory directory;
  Result<TextFile> file = ReadTextFile(directory.Write("f", "some text\n", 0640));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->text, "some text\n");
  EXPECT_EQ(file->owner, ::geteuid());
  EXPECT_EQ(file->mode, 0640u);
}

TEST(ReadTextFile, WhatIsNoShortTextIsRefused) {
  TemporaryDirectory directory;
  EXPECT_EQ(ReadTextFile(directory.Path("absent")).code(), Code::kNotFound);
  EXPECT_EQ(ReadTextFile(directory.path()).code(), Code::kStorage);
  EXPECT_EQ(ReadTextFile(directory.Write("nul", std::string("a\0b", 3))).code(), Code::kStorage);
  EXPECT_EQ(ReadTextFile(directory.Write("long", std::string((1 << 20) + 1, ' '))).code(),
            Code::kStorage);
  EXPECT_TRUE(ReadTextFile(directory.Write("max", std::string(1 << 20, ' '))).ok());
  std::string fifo = directory.Path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(ReadTextFile(fifo).code(), Code::kStorage);
}

TEST(CheckPrivate, OnlyTheOwnerMayReachASecret) {
  for (mode_t mode : {0600u, 0400u, 0700u}) {
    EXPECT_TRUE(CheckPrivate({"/a/.env", "", 1000, mode}, "X", 1000).ok());
  }
  for (mode_t mode : {0640u, 0604u, 0660u, 0644u, 0620u, 0602u, 0610u}) {
    Status status = CheckPrivate({"/a/.env", "", 1000, mode}, "BACKUP_ENCRYPTION_KEY", 1000);
    ASSERT_FALSE(status.ok()) << mode;
    EXPECT_EQ(status.code(), Code::kPermission);
    EXPECT_EQ(status.error().hint, "run: chmod 600 /a/.env");
    EXPECT_NE(status.error().message.find("BACKUP_ENCRYPTION_KEY"), std::string::npos);
  }
}

TEST(CheckPrivate, TheOwnerMustBeTheUserOrRoot) {
  EXPECT_TRUE(CheckPrivate({"/a/.env", "", 0, 0600}, "X", 1000).ok());
  EXPECT_TRUE(CheckPrivate({"/a/.env", "", 1000, 0600}, "X", 0).ok());
  Status status = CheckPrivate({"/a b/.env", "", 4200001, 0600}, "X", 4200002);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_EQ(status.error().hint, "run: sudo chown 4200002 '/a b/.env'");
  EXPECT_NE(status.error().message.find("4200001"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::config
