#include "storage/storage.h"

#include <gtest/gtest.h>

namespace pgcairn::storage {
namespace {

TEST(ObjectName, TheRulesOfTheContractHold) {
  for (const char* name : {"a", "A.b_c@d+e-f", "a/b", "0", "_x", "clusters/main/wal/0000/x.partial",
                           "a..b", "a.", "+", "@"}) {
    EXPECT_TRUE(IsValidObjectName(name)) << name;
    EXPECT_TRUE(CheckObjectName(name).ok()) << name;
  }
  for (const char* name : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", ".a", "-a", "a/-b",
                           "a b", "a\tb", "\xff", "a\\b", "lost+found", "a/lost+found"}) {
    EXPECT_FALSE(IsValidObjectName(name)) << name;
    EXPECT_EQ(CheckObjectName(name).code(), Code::kRefused) << name;
  }
}

TEST(ObjectName, LengthsAreBounded) {
  EXPECT_TRUE(IsValidObjectName(std::string(200, 'a')));
  EXPECT_FALSE(IsValidObjectName(std::string(201, 'a')));
  std::string name(180, 'a');
  for (int i = 0; i < 4; ++i) name += "/" + std::string(179, 'a');
  ASSERT_EQ(name.size(), 900u);
  EXPECT_TRUE(IsValidObjectName(name));
  EXPECT_FALSE(IsValidObjectName(name + "a"));
}

TEST(ObjectName, TheRefusalShowsNoControlCharacters) {
  std::string message = CheckObjectName("a\x1b[31m\n").error().message;
  EXPECT_NE(message.find("a?[31m?"), std::string::npos) << message;
}

TEST(ObjectName, OnlyTheRootHasAnEmptyDirectoryName) {
  EXPECT_TRUE(CheckDirectoryName("").ok());
  EXPECT_TRUE(CheckDirectoryName("a/b").ok());
  EXPECT_EQ(CheckDirectoryName("a/").code(), Code::kRefused);
  EXPECT_EQ(CheckObjectName("").code(), Code::kRefused);
}

}  // namespace
}  // namespace pgcairn::storage
