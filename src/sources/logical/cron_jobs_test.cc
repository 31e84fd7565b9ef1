#include "sources/logical/cron_jobs.h"

#include <gtest/gtest.h>

namespace pgcairn::sources {
namespace {

const std::vector<std::string> kColumns = {"jobid",    "schedule", "command", "database",
                                           "username", "active",   "jobname"};

TEST(CronJobsTest, RowsAreReadAsCopyWritesThem) {
  auto jobs = CronJobsIn(kColumns,
                         "7\t@daily\tSELECT 1\\n\\t-- it's \\\\N\tpostgres\tme\tf\t\\N\n"
                         "2\t* * * * *\tSELECT 2\tother\tyou\tt\tnamed\n");
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  ASSERT_EQ(jobs->size(), 2u);
  EXPECT_EQ((*jobs)[0].name, "named") << "by id";
  EXPECT_EQ((*jobs)[0].database, "other");
  EXPECT_EQ((*jobs)[0].username, "you");
  EXPECT_TRUE((*jobs)[0].active);
  EXPECT_EQ((*jobs)[1].command, "SELECT 1\n\t-- it's \\N");
  EXPECT_FALSE((*jobs)[1].active);
  EXPECT_FALSE((*jobs)[1].name.has_value());
}

TEST(CronJobsTest, WhatAreNoJobsIsDamage) {
  EXPECT_EQ(CronJobsIn(kColumns, "1\t@daily\n").code(), Code::kDamaged);
  EXPECT_EQ(CronJobsIn(kColumns, "1\t@daily\tx\td\tu\tt\tn").code(), Code::kDamaged);
  EXPECT_EQ(CronJobsIn({"jobid"}, "1\n").code(), Code::kDamaged);
  EXPECT_EQ(CronJobsIn({"jobid", "schedule", "command"}, "x\ta\tb\n").code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::sources
