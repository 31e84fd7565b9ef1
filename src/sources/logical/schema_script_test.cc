#include "sources/logical/schema_script.h"

#include <gtest/gtest.h>

#include <string>

namespace pgcairn::sources {
namespace {

std::string Passed(const std::string& script, size_t cut) {
  ScriptHead head;
  std::string passed = head.Pass(AsBytes(script.substr(0, cut)));
  passed += head.Pass(AsBytes(script.substr(cut)));
  return passed + head.Rest();
}

TEST(ScriptHeadTest, TheSettingIsTakenFromTheHeadAloneWhereverThePiecesEnd) {
  const std::string before =
      "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nBEGIN;\n\nSET lock_timeout = 0;\n";
  const std::string setting = "SET transaction_timeout = 0;\n";
  const std::string after =
      "SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\n"
      "CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $$\n" +
      setting + "$$;\n" + setting + "COMMIT;\n\n\\unrestrict abc";
  for (size_t cut = 0; cut <= before.size() + setting.size() + after.size(); ++cut) {
    ASSERT_EQ(Passed(before + setting + after, cut), before + after) << cut;
  }
}

TEST(ScriptHeadTest, AScriptThatIsAllHeadIsPassedWhole) {
  EXPECT_EQ(Passed("SET lock_timeout = 0;\n--", 3), "SET lock_timeout = 0;\n--");
  EXPECT_EQ(Passed("", 0), "");
}

TEST(NeedsScriptTest, OnlyOlderServersThanTheSettingDo) {
  EXPECT_TRUE(NeedsScript({"pg_restore", 17}, 16));
  EXPECT_TRUE(NeedsScript({"pg_restore", 18}, 13));
  EXPECT_FALSE(NeedsScript({"pg_restore", 18}, 17));
  EXPECT_FALSE(NeedsScript({"pg_restore", 16}, 13));
}

}  // namespace
}  // namespace pgcairn::sources
