#include "config/env_file.h"

#include <gtest/gtest.h>

#include <map>

namespace pgcairn::config {
namespace {

std::map<std::string, std::string> Parsed(std::string_view text) {
  Result<std::vector<EnvEntry>> entries = ParseEnvFile(text, ".env");
  EXPECT_TRUE(entries.ok()) << text << ": " << (entries.ok() ? "" : entries.error().message);
  std::map<std::string, std::string> values;
  if (!entries.ok()) return values;
  for (const EnvEntry& entry : *entries) values[entry.key] = std::string(entry.value.Reveal());
  return values;
}

std::string ParseErrorOf(std::string_view text) {
  Result<std::vector<EnvEntry>> entries = ParseEnvFile(text, "/base/.env");
  EXPECT_FALSE(entries.ok()) << text;
  if (entries.ok()) return "";
  EXPECT_EQ(entries.code(), Code::kUsage);
  EXPECT_FALSE(entries.error().hint.empty());
  return entries.error().message;
}

Status Checked(std::string_view text) {
  Result<std::vector<EnvEntry>> entries = ParseEnvFile(text, "/base/.env");
  if (!entries.ok()) return entries.status();
  return CheckEnvKeys(*entries, "/base/.env");
}

using Values = std::map<std::string, std::string>;

TEST(ParseEnvFile, ValuesWithoutQuotesRunToTheEndOfTheLine) {
  EXPECT_EQ(Parsed("A=1\nB = two words \n C=\nD=a=b\n"),
            (Values{{"A", "1"}, {"B", "two words"}, {"C", ""}, {"D", "a=b"}}));
  EXPECT_EQ(Parsed("U=postgresql://postgres:[pass@word]@db:5432/x?a=b&c=d"),
            (Values{{"U", "postgresql://postgres:[pass@word]@db:5432/x?a=b&c=d"}}));
  EXPECT_EQ(Parsed("A=it's \"so\"\\n"), (Values{{"A", "it's \"so\"\\n"}}));
}

TEST(ParseEnvFile, CommentsNeedABlankBeforeThem) {
  EXPECT_EQ(Parsed("# A=0\n  # B=0\nA=x # note\nB=x#y\nC= # note\nD=#note"),
            (Values{{"A", "x"}, {"B", "x#y"}, {"C", ""}, {"D", ""}}));
}

TEST(ParseEnvFile, QuotedValuesKeepWhatIsInside) {
  EXPECT_EQ(Parsed("A=' a # b \\n '  # note\nB=\"a\\n\\t\\\"\\\\\\$\\q # b\"\n"),
            (Values{{"A", " a # b \\n "}, {"B", "a\n\t\"\\$\\q # b"}}));
  EXPECT_EQ(Parsed("A='one\ntwo'\nB=3"), (Values{{"A", "one\ntwo"}, {"B", "3"}}));
  EXPECT_EQ(Parsed("A=''\nB=\"\""), (Values{{"A", ""}, {"B", ""}}));
}

TEST(ParseEnvFile, ExportCarriageReturnsAndByteOrderMarkAreTaken) {
  EXPECT_EQ(Parsed("\xEF\xBB\xBF"
                   "export A=1\r\n\r\nexport\tB='2'\r\nexport=3\r\nC=4\r"),
            (Values{{"A", "1"}, {"B", "2"}, {"export", "3"}, {"C", "4"}}));
}

TEST(ParseEnvFile, LinesAreCountedThroughQuotedValues) {
  Result<std::vector<EnvEntry>> entries = ParseEnvFile("\nA='x\ny'\n\nB=1", ".env");
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->at(0).line, 2);
  EXPECT_EQ(entries->at(1).line, 5);
}

TEST(ParseEnvFile, ErrorsNameFileAndLineButNoValue) {
  for (const char* text : {"A=1\nhunter2\n", "A=1\nKEY: hunter2", "A=1\n=hunter2",
                           "A=1\n9A=hunter2", "A=1\nset hunter2"}) {
    std::string message = ParseErrorOf(text);
    EXPECT_NE(message.find("/base/.env, line 2: "), std::string::npos) << message;
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  }
}

TEST(ParseEnvFile, QuotesMustBeClosedAndEndTheValue) {
  std::string message = ParseErrorOf("X=0\nA='hunter2\nB=1\n");
  EXPECT_EQ(message, "/base/.env, line 2: A: the quote ' is never closed");
  message = ParseErrorOf("A=\"hunter2\"hunter2");
  EXPECT_EQ(message, "/base/.env, line 1: A: text after the closing quote \"");
}

TEST(CheckEnvKeys, OurKeysAndThoseOfOtherProgramsPass) {
  Status status = Checked(
      "SUPABASE_PROJECT_ID=a\nSUPABASE_DB_URL=b\nBACKUP_ENCRYPTION_KEY=c\nBACKUP_STORAGE_PATH=d\n"
      "NOTIFICATION_EMAIL=e\nDATABASE_URL=f\nSUPABASE_URL=g\nSUPABASE_ANON_KEY=h\nPORT=1\n"
      "SUPABASE_SERVICE_ROLE_KEY=i\nPGPASSWORD=j\nEXPANDED=${PORT}\nDATABASE_HOST=k\nPORT=2\n");
  EXPECT_TRUE(status.ok()) << status.error().message;
}

TEST(CheckEnvKeys, MistypedKeysOfOursNameTheNearest) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"SUPABASE_DB_URI", "SUPABASE_DB_URL"},
      {"DATABSE_URL", "DATABASE_URL"},
      {"database_url", "DATABASE_URL"},
      {"BACKUP_ENCRYPTON_KEYS", "BACKUP_ENCRYPTION_KEY"},
      {"BACKUP_STORAGEPATH", "BACKUP_STORAGE_PATH"},
      {"NOTIFICATIONS_EMAIL", "NOTIFICATION_EMAIL"},
      {"SUPABASE_PROJECTID", "SUPABASE_PROJECT_ID"},
      {"PGCAIRN_CONFGI", "PGCAIRN_CONFIG"},
      {"PGCARIN_CONFIG", "PGCAIRN_CONFIG"},
      {"PGCAIRN_SOMETHING", "PGCAIRN_CONFIG"},
  };
  for (const auto& [typed, meant] : cases) {
    Status status = Checked("A=1\n" + typed + "=hunter2\n");
    ASSERT_FALSE(status.ok()) << typed;
    EXPECT_EQ(status.code(), Code::kUsage);
    EXPECT_EQ(status.error().message,
              "/base/.env, line 2: " + typed + " is not a known key; did you mean " + meant + "?");
    EXPECT_FALSE(status.error().hint.empty());
  }
  EXPECT_TRUE(Checked("DATABASE_URLABC=1").ok());
}

TEST(CheckEnvKeys, ThePlaceOfTheConfigurationCannotBeSetHere) {
  EXPECT_FALSE(Checked("PGCAIRN_CONFIG=/etc/x").ok());
}

TEST(CheckEnvKeys, ValuesThatWantExpansionAreRefusedInOurKeys) {
  EXPECT_FALSE(Checked("DATABASE_URL=postgresql://${USER}@h/db").ok());
  EXPECT_FALSE(Checked("DATABASE_URL=\"postgresql://${USER}@h/db\"").ok());
  EXPECT_TRUE(Checked("BACKUP_ENCRYPTION_KEY='${odd} but mine'").ok());
  EXPECT_TRUE(Checked("BACKUP_ENCRYPTION_KEY=pa$word").ok());
}

TEST(CheckEnvKeys, OneOfOursWithTwoValuesIsRefused) {
  Status status = Checked("DATABASE_URL=host=hunter2\nA=1\nDATABASE_URL=host=b\n");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message,
            "/base/.env, line 3: DATABASE_URL was already given another value on line 1");
  EXPECT_TRUE(Checked("DATABASE_URL=host=a\nDATABASE_URL=host=a\nA=1\nA=2\n").ok());
}

}  // namespace
}  // namespace pgcairn::config
