#include "postgres/client_programs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

class ClientProgramsTest : public ::testing::Test {
 protected:
  ClientProgramsTest() {
    char name[] = "/tmp/pgcairn-clients-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~ClientProgramsTest() override { std::filesystem::remove_all(directory_); }

  void AddPgDump(std::string_view prints) {
    std::string script = fmt::format("#!/bin/sh\necho '{}'\n", prints);
    ASSERT_TRUE(WriteFileDurably(directory_ + "/pg_dump", AsBytes(script), 0755).ok());
  }

  std::string directory_;
};

TEST_F(ClientProgramsTest, DebiansThatIsNewEnoughIsTaken) {
  for (int server : {13, 15}) {
    auto found = FindClientProgram("pg_dump", server, "");
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->path, fmt::format("/usr/lib/postgresql/{}/bin/pg_dump", found->major));
    EXPECT_GE(found->major, server);
  }
}

TEST_F(ClientProgramsTest, WithoutOneThePackageIsNamed) {
  auto found = FindClientProgram("pg_dump", 99, "");
  ASSERT_EQ(found.code(), Code::kNotFound);
  EXPECT_NE(found.error().hint.find("postgresql-client-99"), std::string::npos);
}

TEST_F(ClientProgramsTest, TheConfiguredOneIsTakenWhenItIsNewEnough) {
  AddPgDump("pg_dump (PostgreSQL) 17.2 (Ours 17.2-1)");
  auto found = FindClientProgram("pg_dump", 16, directory_);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->path, directory_ + "/pg_dump");
  EXPECT_EQ(found->major, 17);
  auto newer = FindClientProgram("pg_dump", 18, directory_);
  ASSERT_EQ(newer.code(), Code::kUsage);
  EXPECT_NE(newer.error().message.find("is of 17"), std::string::npos) << newer.error().message;
}

TEST_F(ClientProgramsTest, WhatIsNoPgDumpIsNone) {
  EXPECT_EQ(FindClientProgram("pg_dump", 15, directory_).code(), Code::kUsage);
  AddPgDump("psql (PostgreSQL) 17.2");
  EXPECT_EQ(FindClientProgram("pg_dump", 15, directory_).code(), Code::kUsage);
}

}  // namespace
}  // namespace pgcairn::postgres
