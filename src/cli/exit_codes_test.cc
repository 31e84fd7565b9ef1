#include "cli/exit_codes.h"

#include <gtest/gtest.h>

#include <set>

namespace pgcairn::cli {
namespace {

TEST(ExitCodes, EveryCodeHasItsOwnNumberAndName) {
  std::set<int> numbers;
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kCorruptPages); ++code) {
    numbers.insert(StatusOf(static_cast<Code>(code)));
    names.insert(NameOf(static_cast<Code>(code)));
  }
  EXPECT_EQ(numbers.size(), static_cast<size_t>(Code::kCorruptPages) + 1);
  EXPECT_EQ(names.size(), numbers.size());
  EXPECT_FALSE(numbers.contains(0));
}

TEST(FetchStatus, NothingButAbsenceMayLookLikeTheEndOfWal) {
  for (int code = 0; code <= static_cast<int>(Code::kCorruptPages); ++code) {
    int status = FetchStatusOf(static_cast<Code>(code));
    if (static_cast<Code>(code) == Code::kNotFound) {
      EXPECT_EQ(status, 1);
    } else {
      EXPECT_GE(status, 200);
      EXPECT_LE(status, 250);
    }
  }
}

}  // namespace
}  // namespace pgcairn::cli
