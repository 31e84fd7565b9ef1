#include "config/json_file.h"

#include <gtest/gtest.h>

namespace pgcairn::config {
namespace {

using Kind = JsonValue::Kind;

std::string ErrorOf(std::string_view text) {
  Result<JsonValue> parsed = ParseJson(text, "/etc/f.json");
  EXPECT_FALSE(parsed.ok()) << text;
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.code(), Code::kUsage);
  EXPECT_FALSE(parsed.error().hint.empty());
  return parsed.error().message;
}

TEST(ParseJson, KeepsEveryKindOfValue) {
  Result<JsonValue> parsed = ParseJson(
      R"({"a": null, "b": true, "c": -7, "d": 1.5, "e": "x\ny", "f": [1, "z"], "g": {"h": 1}})",
      "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const std::vector<JsonMember>& members = parsed->members;
  ASSERT_EQ(members.size(), 7u);
  EXPECT_EQ(members[0].value.kind, Kind::kNull);
  EXPECT_TRUE(members[1].value.boolean);
  EXPECT_EQ(members[2].value.integer, -7);
  EXPECT_EQ(members[3].value.kind, Kind::kReal);
  EXPECT_EQ(members[3].value.text, "1.5");
  EXPECT_EQ(members[4].value.text, "x\ny");
  ASSERT_EQ(members[5].value.list.size(), 2u);
  EXPECT_EQ(members[5].value.list[1].text, "z");
  EXPECT_EQ(members[6].value.members[0].key, "h");
}

TEST(ParseJson, CommentsOfBothKindsAreSkipped) {
  Result<JsonValue> parsed =
      ParseJson("// one\n{ /* two\n three */ \"a\": 1 // four\n} // five", "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->members.at(0).value.integer, 1);
  EXPECT_EQ(parsed->members.at(0).line, 3);
}

TEST(ParseJson, KnowsWhereEachKeyStands) {
  Result<JsonValue> parsed =
      ParseJson("{\n  \"a\": {\n    \"b\\\"c\\\\\": 1,   \"d\": 2\n  }\n}\n", "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const JsonMember& a = parsed->members.at(0);
  EXPECT_EQ(a.line, 2);
  EXPECT_EQ(a.column, 3);
  EXPECT_EQ(a.value.members.at(0).line, 3);
  EXPECT_EQ(a.value.members.at(0).column, 5);
  EXPECT_EQ(a.value.members.at(1).column, 20);
}

TEST(ParseJson, ErrorsNameFileLineAndColumn) {
  EXPECT_NE(ErrorOf("{\n  \"a\": 1,\n}").find("/etc/f.json, line 3, column 1: "),
            std::string::npos);
  EXPECT_NE(ErrorOf("{\n  \"a\" 1}").find("/etc/f.json, line 2, column 7: "), std::string::npos);
  EXPECT_NE(ErrorOf("").find("/etc/f.json, line 1, column 1: "), std::string::npos);
  EXPECT_NE(ErrorOf("{\"a\": 1").find("line 1, column 8: "), std::string::npos);
  EXPECT_NE(ErrorOf("{} x").find("line 1, column 4: "), std::string::npos);
  EXPECT_NE(ErrorOf("{\"a\": \"\xff\"}").find("line 1, column 8: "), std::string::npos);
  EXPECT_NE(ErrorOf("{\"a\": 1e999}").find("line 1, "), std::string::npos);
}

TEST(ParseJson, TheOutermostValueIsAnObject) {
  EXPECT_NE(ErrorOf("[1]").find("found a list where an object is needed"), std::string::npos);
  EXPECT_NE(ErrorOf("5").find("found a whole number"), std::string::npos);
}

TEST(ParseJson, DuplicateKeysAreAnError) {
  std::string message = ErrorOf("{\"a\": 1,\n \"b\": {\"a\": 1},\n \"a\": 2}");
  EXPECT_EQ(message, "/etc/f.json, line 3, column 2: the key \"a\" was already given on line 1");
}

TEST(ParseJson, ErrorsDoNotShowValues) {
  for (const char* text :
       {"{\"connection\": \"postgresql://u:hunter2@h\n\"}", "{\"connection\": \"hunter2",
        "{\"connection\": \"hunter2\" \"x\"}", "{\"connection\": hunter2}",
        "{\"connection\": \"hunter2\\q\"}", "{\"a\": \"; last read: hunter2\\q\"}"}) {
    EXPECT_EQ(ErrorOf(text).find("hunter2"), std::string::npos) << text;
  }
}

TEST(ParseJson, DeepNestingIsRefused) {
  std::string deep = "{\"a\": ";
  for (int i = 0; i < 100'000; ++i) deep += '[';
  EXPECT_NE(ErrorOf(deep).find("more than 32 levels"), std::string::npos);
}

TEST(ParseJson, NumbersBeyond64BitsAreNotWholeNumbers) {
  Result<JsonValue> parsed =
      ParseJson("{\"a\": 18446744073709551615, \"b\": 9223372036854775807}", "f");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->members.at(0).value.kind, Kind::kReal);
  EXPECT_EQ(parsed->members.at(1).value.kind, Kind::kInteger);
}

}  // namespace
}  // namespace pgcairn::config
