#include "postgres/tablespace_map.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

using Entries = std::vector<TablespaceMapEntry>;

TEST(TablespaceMap, SpacesLineEndsAndBackslashesRoundTrip) {
  Entries entries = {{16384, "/plain"},       {16385, "/with  space "},  {16386, "/new\nline"},
                     {16387, "/carriage\rr"}, {16388, "/back\\slash\\"}, {16389, "/\\\n16390 /x"}};
  auto text = WriteTablespaceMap(entries, 15);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_TRUE(text->starts_with("16384 /plain\n16385 /with  space \n16386 /new\\\nline\n"));
  EXPECT_NE(text->find("16388 /back\\\\slash\\\\\n"), std::string::npos);
  auto back = ParseTablespaceMap(*text, 15);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, entries);
}

TEST(TablespaceMap, Version13EscapesLineEndsOnly) {
  Entries entries = {{16384, "/back\\slash"}, {16385, "/new\nline"}, {16386, "/both\\\nx"}};
  auto text = WriteTablespaceMap(entries, 13);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "16384 /back\\slash\n16385 /new\\\nline\n16386 /both\\\\\nx\n");
  auto back = ParseTablespaceMap(*text, 13);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, entries);
}

TEST(TablespaceMap, Version13CannotEndANameWithABackslash) {
  EXPECT_EQ(WriteTablespaceMap({{16384, "/back\\"}}, 13).code(), Code::kUsage);
  EXPECT_EQ(ParseTablespaceMap("16384 /back\\\n16385 /other\n", 13).code(), Code::kUnsupported);
  EXPECT_EQ(ParseTablespaceMap("16384 /back\\\n", 13).code(), Code::kUnsupported);
}

TEST(TablespaceMap, EmptyMeansNoTablespaces) {
  EXPECT_TRUE(ParseTablespaceMap("", 15)->empty());
  EXPECT_EQ(*WriteTablespaceMap({}, 15), "");
}

TEST(TablespaceMap, MalformedLinesAreDamage) {
  for (const char* bad : {"16384 /a", "16384\n", "16384 \n", "x /a\n", "16384 relative\n", "0 /a\n",
                          "16384  /two\n", "16384 /a\n16384 /b\n", "16384 /a\\"}) {
    EXPECT_EQ(ParseTablespaceMap(bad, 15).code(), Code::kDamaged) << bad;
  }
}

TEST(TablespaceMap, PathsThatTheServerCannotReadAreRefused) {
  std::string longest = "/" + std::string(1023 - 6 - 1, 'x');
  EXPECT_TRUE(WriteTablespaceMap({{16384, longest}}, 15).ok());
  EXPECT_EQ(WriteTablespaceMap({{16384, longest + "x"}}, 15).code(), Code::kUsage);
  EXPECT_EQ(WriteTablespaceMap({{16384, "relative"}}, 15).code(), Code::kUsage);
}

}  // namespace
}  // namespace pgcairn::postgres
