#include "util/shell_quoting.h"

#include <gtest/gtest.h>

namespace pgcairn {
namespace {

TEST(QuoteForShell, OnlyWhatNeedsItIsQuoted) {
  EXPECT_EQ(QuoteForShell("/srv/a-b_c/.env"), "/srv/a-b_c/.env");
  EXPECT_EQ(QuoteForShell("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(QuoteForShell("Größe"), "'Größe'");
  EXPECT_EQ(QuoteForShell("~/x"), "'~/x'");
  EXPECT_EQ(QuoteForShell(""), "''");
}

}  // namespace
}  // namespace pgcairn
