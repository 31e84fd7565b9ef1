#include "postgres/connection_string.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pgcairn::postgres {
namespace {

TEST(ConnectionString, EveryFormOfLibpqIsTaken) {
  for (const char* good :
       {"", "postgresql://", "postgres://me@host/db", "postgresql://me:p%40ss%2Fword@host:5432/db",
        "postgresql://h1:5432,h2:5433/db?target_session_attrs=read-write",
        "postgresql://me@[2001:db8::1]:5432/db", "postgresql:///db?host=/var/run/postgresql",
        "postgresql:///db?host=@abstract",
        "host=h port=5432 user=me password='p@ss /word' dbname=db", "service=mine",
        "host=h1,h2 port=5432,"}) {
    auto parsed = ParseConnectionString(good);
    EXPECT_TRUE(parsed.ok()) << good << ": " << parsed.error().message;
  }
}

TEST(ConnectionString, ThePasswordIsDecoded) {
  EXPECT_EQ(ParseConnectionString("postgres://me:p%40ss@host/db")->password, "p@ss");
  EXPECT_EQ(ParseConnectionString(" host=h password='p@ ss'\n")->password, "p@ ss");
}

TEST(ConnectionString, WhiteSpaceAroundItIsDropped) {
  EXPECT_EQ(ParseConnectionString(" postgres://host/db\r\n")->text, "postgres://host/db");
}

TEST(ConnectionString, AServiceIsNoticed) {
  EXPECT_TRUE(ParseConnectionString("service=mine")->names_service);
  EXPECT_TRUE(ParseConnectionString("postgresql:///?service=mine")->names_service);
  EXPECT_FALSE(ParseConnectionString("host=h")->names_service);
  ::setenv("PGSERVICE", "mine", 1);
  EXPECT_TRUE(ParseConnectionString("host=h")->names_service);
  ::unsetenv("PGSERVICE");
}

TEST(ConnectionString, AnotherDatabaseOfTheSameServer) {
  for (const char* conninfo :
       {"postgresql://me:a%27b%5Cc@host:6000/app?sslmode=require",
        "host=host port=6000 dbname=app user=me password='a\\'b\\\\c' sslmode=require"}) {
    auto text = WithDatabase(conninfo, "other's");
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_NE(text->find("user='me'"), std::string::npos);
    EXPECT_NE(text->find("host='host'"), std::string::npos);
    EXPECT_NE(text->find("port='6000'"), std::string::npos);
    EXPECT_NE(text->find("sslmode='require'"), std::string::npos);
    EXPECT_NE(text->find("dbname='other\\'s'"), std::string::npos);
    EXPECT_EQ(text->find("app"), std::string::npos);
    auto again = ParseConnectionString(*text);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->password, "a'b\\c");
  }
}

// Each of these makes libpq quote a part of the password, or take it for a host, port or database.
TEST(ConnectionString, WhatIsNotUnderstoodIsNeverQuoted) {
  for (const char* bad :
       {"postgres://me:my@hunter2@host/db", "postgres://me:my/hunter2@host/db",
        "postgres://me:12/hunter2@host/db", "postgres://me:12?hunter2@host/db",
        "postgres://me:12?a=hunter2@host/db", "postgres://me:hunter2%zz@host/db",
        "postgres://me:hunter2%00@host/db", "postgres://me@[hunter2/db",
        "postgres://host:hunter2/db", "host=h password=my hunter2", "host=h password=my hunter2=x",
        "host=h password='my hunter2", "host=h port=hunter2", "hunter2"}) {
    auto parsed = ParseConnectionString(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.code(), Code::kUsage);
    EXPECT_EQ(parsed.error().message.find("hunter2"), std::string::npos) << parsed.error().message;
    EXPECT_EQ(parsed.error().hint.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace pgcairn::postgres
