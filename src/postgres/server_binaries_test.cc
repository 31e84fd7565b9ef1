#include "postgres/server_binaries.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

class ServerBinaries : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgcairn-binaries-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void AddProgram(const std::string& name, std::string_view prints) {
    std::string script = fmt::format("#!/bin/sh\necho '{}'\n", prints);
    ASSERT_TRUE(WriteFileDurably(directory_ + "/" + name, AsBytes(script), 0755).ok());
  }

  std::string directory_;
};

TEST_F(ServerBinaries, DebiansPlaceIsTheDefault) {
  auto found = FindServerBinaries(15, "");
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(*found, "/usr/lib/postgresql/15/bin");
}

TEST_F(ServerBinaries, AMissingVersionNamesItsPackage) {
  auto found = FindServerBinaries(99, "");
  EXPECT_EQ(found.code(), Code::kNotFound);
  EXPECT_NE(found.error().hint.find("postgresql-99"), std::string::npos);
}

TEST_F(ServerBinaries, TheConfiguredDirectoryWins) {
  AddProgram("postgres", "postgres (PostgreSQL) 14.21 (Ours 14.21-1)");
  AddProgram("pg_ctl", "");
  auto found = FindServerBinaries(14, directory_);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(*found, directory_);
}

TEST_F(ServerBinaries, TheVersionIsAskedOfTheProgram) {
  AddProgram("pg_ctl", "");
  AddProgram("postgres", "postgres (PostgreSQL) 14.21");
  auto other = FindServerBinaries(15, directory_);
  EXPECT_EQ(other.code(), Code::kUsage);
  EXPECT_NE(other.error().message.find("of 14"), std::string::npos) << other.error().message;
  AddProgram("postgres", "something else 15.1");
  EXPECT_EQ(FindServerBinaries(15, directory_).code(), Code::kUsage);
  AddProgram("postgres", "postgres (PostgreSQL) 19devel");
  EXPECT_TRUE(FindServerBinaries(19, directory_).ok());
}

TEST_F(ServerBinaries, BothProgramsMustBeThere) {
  AddProgram("postgres", "postgres (PostgreSQL) 15.1");
  auto found = FindServerBinaries(15, directory_);
  EXPECT_EQ(found.code(), Code::kUsage);
  EXPECT_NE(found.error().message.find("pg_ctl"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::postgres
