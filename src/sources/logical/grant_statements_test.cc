#include "sources/logical/grant_statements.h"

#include <gtest/gtest.h>

namespace pgcairn::sources {
namespace {

TEST(GrantStatementsTest, SettingsAndCommentsAreNone) {
  const std::vector<GrantStatement> grants = GrantsIn(
      "SET lock_timeout = 0;\n--\n-- Name: it's; a \"t\"; Type: ACL\n--\n\n"
      "GRANT ALL ON TABLE public.a TO b;\nREVOKE ALL ON TABLE public.a FROM c;\n\n");
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].sql, "GRANT ALL ON TABLE public.a TO b");
  EXPECT_EQ(grants[0].grantor, "");
  EXPECT_EQ(grants[1].sql, "REVOKE ALL ON TABLE public.a FROM c");
}

TEST(GrantStatementsTest, AGrantorIsBecomeAndLeft) {
  const std::vector<GrantStatement> grants = GrantsIn(
      "SET SESSION AUTHORIZATION \"a \"\"b\";\nGRANT SELECT ON TABLE t TO c;\n"
      "RESET SESSION AUTHORIZATION;\nGRANT SELECT ON TABLE t TO d;\n");
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].grantor, "a \"b");
  EXPECT_EQ(grants[1].grantor, "");
}

TEST(GrantStatementsTest, NamesMayHoldWhateverTheyLike) {
  const std::vector<GrantStatement> grants =
      GrantsIn("GRANT ALL ON TABLE \"a;-- \"\"b\n\" TO c;\nGRANT ALL ON TABLE x TO c;\n");
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].sql, "GRANT ALL ON TABLE \"a;-- \"\"b\n\" TO c");
}

}  // namespace
}  // namespace pgcairn::sources
