#include "postgres/relation_path.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace pgcairn::postgres {
namespace {

TEST(RelationPathTest, ReadsEveryKindOfPath) {
  EXPECT_EQ(ParseRelationPath("base/5/16384"), (RelationFile{1663, 5, 16384}));
  EXPECT_EQ(ParseRelationPath("base/5/16384.12"), (RelationFile{1663, 5, 16384, Fork::kMain, 12}));
  EXPECT_EQ(ParseRelationPath("base/5/16384_fsm"),
            (RelationFile{1663, 5, 16384, Fork::kFreeSpaceMap}));
  EXPECT_EQ(ParseRelationPath("base/5/16384_vm.1"),
            (RelationFile{1663, 5, 16384, Fork::kVisibilityMap, 1}));
  EXPECT_EQ(ParseRelationPath("base/5/16384_init"), (RelationFile{1663, 5, 16384, Fork::kInit}));
  EXPECT_EQ(ParseRelationPath("global/1262"), (RelationFile{1664, 0, 1262}));
  EXPECT_EQ(ParseRelationPath("pg_tblspc/16400/PG_15_202209061/5/16401_fsm"),
            (RelationFile{16400, 5, 16401, Fork::kFreeSpaceMap}));
  EXPECT_EQ(ParseRelationPath("base/5/t3_16384_vm.2"),
            (RelationFile{1663, 5, 16384, Fork::kVisibilityMap, 2, true}));
  EXPECT_EQ(ParseRelationPath("base/4294967295/4294967295"),
            (RelationFile{1663, 4294967295, 4294967295}));
}

TEST(RelationPathTest, OtherFilesAreNoRelations) {
  for (const char* path : {"",
                           "/",
                           "base",
                           "base/5",
                           "base/5/",
                           "base/5/PG_VERSION",
                           "base/5/pg_filenode.map",
                           "base/5/pg_internal.init",
                           "base/5/16384/1",
                           "base//16384",
                           "base/x/16384",
                           "base/05/16384",
                           "base/5/016384",
                           "base/5/0",
                           "base/5/16384.",
                           "base/5/16384.0",
                           "base/5/16384.01",
                           "base/5/16384_main",
                           "base/5/16384_",
                           "base/5/16384_fsm_vm",
                           "base/5/_fsm",
                           "base/5/16384.1_fsm",
                           "base/5/4294967296",
                           "base/5/-1",
                           "base/5/ 1",
                           "base/5/16384.old",
                           "base/5/t_16384",
                           "base/5/t3_",
                           "base/5/tx_16384",
                           "base/5/16384.1.2",
                           "global/pg_control",
                           "global/5/1262",
                           "pg_tblspc/16400/5/16401",
                           "pg_tblspc/16400/PG_15/5/16401",
                           "pg_tblspc/16400/PG_15_2022/16401",
                           "pg_tblspc/x/PG_15_202209061/5/16401",
                           "pg_wal/16384",
                           "other/5/16384",
                           "16384"}) {
    EXPECT_FALSE(ParseRelationPath(path)) << path;
  }
}

TEST(RelationPathTest, KnowsTheDirectoriesOfRelations) {
  for (const char* path : {"global", "base/5", "pg_tblspc/16400/PG_15_202209061/5"}) {
    EXPECT_TRUE(IsRelationDirectory(path)) << path;
  }
  for (const char* path : {"", "base", "base/pgsql_tmp", "global/5", "pg_tblspc/16400",
                           "pg_tblspc/16400/PG_15_202209061", "pg_wal"}) {
    EXPECT_FALSE(IsRelationDirectory(path)) << path;
  }
}

TEST(RelationPathTest, BlockNumbersRunOnAcrossSegments) {
  RelationFile file{1663, 5, 16384};
  EXPECT_EQ(FirstBlock(file, 131072), 0U);
  file.segment = 3;
  EXPECT_EQ(FirstBlock(file, 131072), 393216U);
  EXPECT_EQ(FirstBlock(file, 7), 21U);
  file.segment = 32767;
  EXPECT_EQ(FirstBlock(file, 131072), 4294836224U);
  file.segment = 32768;
  EXPECT_EQ(FirstBlock(file, 131072), std::nullopt);
  file.segment = 4294967295;
  EXPECT_EQ(FirstBlock(file, 131072), std::nullopt);
}

TEST(RelationPathTest, SegmentsAreOrderedByNumber) {
  const std::vector<std::string> sorted = {"PG_VERSION",
                                           "base/1/16384",
                                           "base/1/16384.1",
                                           "base/1/16384.2",
                                           "base/1/16384.10",
                                           "base/1/16384_fsm",
                                           "base/1/16384_fsm.1",
                                           "base/1/16385",
                                           "base/1/pg_filenode.map",
                                           "base/10/1",
                                           "base/2/1",
                                           "log/a.10",
                                           "log/a.2"};
  std::vector<std::string> paths = sorted;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::shuffle(paths.begin(), paths.end(), std::mt19937(seed));
    std::sort(paths.begin(), paths.end(), PathLess);
    EXPECT_EQ(paths, sorted);
  }
}

}  // namespace
}  // namespace pgcairn::postgres
