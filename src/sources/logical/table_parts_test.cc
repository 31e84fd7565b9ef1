#include "sources/logical/table_parts.h"

#include <gtest/gtest.h>

namespace pgcairn::sources {
namespace {

TableToCopy Listed(uint64_t blocks) {
  TableToCopy table;
  table.oid = 16'400;
  table.schema = "public";
  table.relation = "Orders";
  table.blocks = blocks;
  table.by_blocks = true;
  table.columns = {"id", "Total"};
  table.readable = true;
  return table;
}

TEST(TablePartsTest, ASmallTableIsOnePart) {
  for (uint64_t blocks : {uint64_t{0}, uint64_t{1}, kBlocksPerPart}) {
    std::vector<TablePart> parts = PartsOf(Listed(blocks));
    ASSERT_EQ(parts.size(), 1u) << blocks;
    EXPECT_EQ(parts[0].table_oid, 16'400u);
    EXPECT_EQ(parts[0].number, 0u);
    EXPECT_EQ(parts[0].copy_sql, "COPY \"public\".\"Orders\" (\"id\", \"Total\") TO STDOUT");
  }
}

TEST(TablePartsTest, ALargeOneIsCutAtFixedBlocksAndItsEndIsOpen) {
  std::vector<TablePart> parts = PartsOf(Listed(2 * kBlocksPerPart + 1));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(
      parts[0].copy_sql,
      "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid >= '(0,0)' AND "
      "ctid < '(16384,0)') TO STDOUT");
  EXPECT_EQ(parts[1].copy_sql,
            "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid >= "
            "'(16384,0)' AND "
            "ctid < '(32768,0)') TO STDOUT");
  EXPECT_EQ(parts[2].copy_sql,
            "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid >= "
            "'(32768,0)') TO "
            "STDOUT");
  EXPECT_EQ(parts[2].number, 2u);
}

TEST(TablePartsTest, WhatHasNoBlocksToChooseIsOnePart) {
  TableToCopy table = Listed(10 * kBlocksPerPart);
  table.by_blocks = false;
  EXPECT_EQ(PartsOf(table).size(), 1u);
}

TEST(TablePartsTest, AnExtensionsConditionHolds) {
  TableToCopy table = Listed(10 * kBlocksPerPart);
  table.condition = "WHERE NOT built_in";
  ASSERT_EQ(PartsOf(table).size(), 1u);
  EXPECT_EQ(PartsOf(table)[0].copy_sql,
            "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE NOT built_in) TO "
            "STDOUT");
}

TEST(TablePartsTest, ATableWithoutColumnsHasRowsToo) {
  TableToCopy table = Listed(1);
  table.columns.clear();
  EXPECT_EQ(PartsOf(table)[0].copy_sql, "COPY \"public\".\"Orders\" TO STDOUT");
}

}  // namespace
}  // namespace pgcairn::sources
