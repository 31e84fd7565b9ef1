#include "postgres/connection_errors.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

TEST(SqlState, CodesAnswerTheCallersQuestion) {
  EXPECT_EQ(CodeOfSqlState("42501"), Code::kPermission);
  EXPECT_EQ(CodeOfSqlState("28P01"), Code::kPermission);
  EXPECT_EQ(CodeOfSqlState("57P01"), Code::kConnection);
  EXPECT_EQ(CodeOfSqlState("08006"), Code::kConnection);
  EXPECT_EQ(CodeOfSqlState("53300"), Code::kConnection);
  EXPECT_EQ(CodeOfSqlState("0A000"), Code::kUnsupported);
  EXPECT_EQ(CodeOfSqlState("53100"), Code::kNoSpace);
  EXPECT_EQ(CodeOfSqlState("57014"), Code::kCancelled);
  EXPECT_EQ(CodeOfSqlState("42P01"), Code::kNotFound);
  EXPECT_EQ(CodeOfSqlState("XX001"), Code::kDamaged);
  EXPECT_EQ(CodeOfSqlState("22012"), Code::kFailed);
}

TEST(OneLine, LineEndsAndControlCharactersAreReplaced) {
  EXPECT_EQ(OneLine("first\n\tsecond  line\n"), "first; second line");
  EXPECT_EQ(OneLine("a\x1b[2Jb"), "a?[2Jb");
  EXPECT_EQ(OneLine("\n"), "");
}

TEST(ConnectError, AnUnreachableSupabaseHostIsSentToTheSessionPooler) {
  for (const char* message :
       {"connection to server at \"db.abcdefgh.supabase.co\" (2a05:d014::1), port 5432 failed: "
        "Network is unreachable\n\tIs the server running on that host?\n",
        "could not translate host name \"db.abcdefgh.supabase.co\" to address: Name or service not "
        "known\n"}) {
    Error error = ConnectError(message);
    EXPECT_EQ(error.code, Code::kConnection);
    EXPECT_NE(error.hint.find("session pooler"), std::string::npos) << error.hint;
    EXPECT_EQ(error.message.find('\n'), std::string::npos);
  }
  Error refused = ConnectError(
      "connection to server at \"db.abcdefgh.supabase.co\" (2a05:d014::1), port 5432 failed: "
      "FATAL:  password authentication failed for user \"postgres\"\n");
  EXPECT_EQ(refused.code, Code::kPermission);
  EXPECT_EQ(refused.hint.find("session pooler"), std::string::npos);
}

TEST(ConnectError, OtherHostsThatCannotBeReachedAreNotTakenForSupabase) {
  Error error = ConnectError(
      "connection to server at \"db.example.org\" (2001:db8::1), port 5432 failed: Network is "
      "unreachable\n");
  EXPECT_EQ(error.code, Code::kConnection);
  EXPECT_EQ(error.hint.find("pooler"), std::string::npos);
  EXPECT_NE(error.hint.find("IPv6"), std::string::npos);
}

TEST(ConnectError, AnUnknownReasonIsAConnectionFailureWithItsText) {
  Error error = ConnectError("something new\n");
  EXPECT_EQ(error.code, Code::kConnection);
  EXPECT_EQ(error.message, "connecting to PostgreSQL: something new");
}

}  // namespace
}  // namespace pgcairn::postgres
