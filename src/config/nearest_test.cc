#include "config/nearest.h"

#include <gtest/gtest.h>

namespace pgcairn::config {
namespace {

TEST(EditDistance, CountsInsertionsRemovalsReplacementsAndSwaps) {
  EXPECT_EQ(EditDistance("jobs", "jobs"), 0u);
  EXPECT_EQ(EditDistance("", "jobs"), 4u);
  EXPECT_EQ(EditDistance("jobs", ""), 4u);
  EXPECT_EQ(EditDistance("job", "jobs"), 1u);
  EXPECT_EQ(EditDistance("jabs", "jobs"), 1u);
  EXPECT_EQ(EditDistance("jbos", "jobs"), 1u);
  EXPECT_EQ(EditDistance("ojsb", "jobs"), 2u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(FindNearest, TheFirstOfTheNearestWins) {
  std::vector<std::string> known = {"alpha", "jobs", "jabs"};
  EXPECT_EQ(FindNearest("jbos", known)->name, "jobs");
  EXPECT_EQ(FindNearest("jxbs", known)->name, "jobs");
  EXPECT_FALSE(FindNearest("x", {}).has_value());
}

}  // namespace
}  // namespace pgcairn::config
