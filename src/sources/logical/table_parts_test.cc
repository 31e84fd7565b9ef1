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
      "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid < '(8192,0)') TO "
      "STDOUT");
  EXPECT_EQ(parts[1].copy_sql,
            "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid >= "
            "'(8192,0)' AND "
            "ctid < '(16384,0)') TO STDOUT");
  EXPECT_EQ(parts[2].copy_sql,
            "COPY (SELECT \"id\", \"Total\" FROM ONLY \"public\".\"Orders\" WHERE ctid >= "
            "'(16384,0)') TO "
            "STDOUT");
  EXPECT_EQ(parts[2].number, 2u);
}

TEST(TablePartsTest, WhatOneScanReadsIsOnePartWhateverItsSize) {
  TableToCopy table = Listed(10 * kBlocksPerPart);
  table.key = TableKey{"id", "", 1, 1000};
  table.in_one_scan = true;
  for (bool by_blocks : {true, false}) {
    table.by_blocks = by_blocks;
    ASSERT_EQ(PartsOf(table).size(), 1u);
    EXPECT_EQ(PartsOf(table)[0].copy_sql,
              "COPY \"public\".\"Orders\" (\"id\", \"Total\") TO STDOUT");
    EXPECT_FALSE(IsReadByKey(table));
  }
}

TEST(TablePartsTest, WhatHasNoBlocksToChooseIsOnePart) {
  TableToCopy table = Listed(10 * kBlocksPerPart);
  table.by_blocks = false;
  EXPECT_EQ(PartsOf(table).size(), 1u);
}

TEST(TablePartsTest, ALargeOneIsCutAtFixedKeysAndBothEndsAreOpen) {
  TableToCopy table = Listed(4 * kBlocksPerPart);
  table.by_blocks = false;
  auto conditions = [&](int64_t least, int64_t greatest) {
    table.key = TableKey{"Id", "", least, greatest};
    std::vector<std::string> found;
    for (const TablePart& part : PartsOf(table)) {
      EXPECT_EQ(part.number, found.size());
      found.push_back(part.condition);
    }
    return found;
  };
  using Conditions = std::vector<std::string>;
  const Conditions of_a_thousand{R"(WHERE "Id" < 256)", R"(WHERE "Id" >= 256 AND "Id" < 512)",
                                 R"(WHERE "Id" >= 512 AND "Id" < 768)", R"(WHERE "Id" >= 768)"};
  EXPECT_EQ(conditions(1, 1000), of_a_thousand);
  EXPECT_EQ(conditions(200, 1023), of_a_thousand) << "the borders stay";
  EXPECT_EQ(conditions(-3, 3),
            (Conditions{R"(WHERE "Id" < -2)", R"(WHERE "Id" >= -2 AND "Id" < 0)",
                        R"(WHERE "Id" >= 0 AND "Id" < 2)", R"(WHERE "Id" >= 2)"}));
  EXPECT_EQ(
      conditions(INT64_MAX - 1, INT64_MAX),
      (Conditions{R"(WHERE "Id" < 9223372036854775807)", R"(WHERE "Id" >= 9223372036854775807)"}));
  const Conditions of_all = conditions(INT64_MIN, INT64_MAX);
  ASSERT_EQ(of_all.size(), 4u);
  EXPECT_EQ(of_all[0], R"(WHERE "Id" < -4611686018427387904)");
  EXPECT_EQ(of_all[3], R"(WHERE "Id" >= 4611686018427387904)");
}

TEST(TablePartsTest, AKeyWithoutARangeIsOnePart) {
  TableToCopy table = Listed(4 * kBlocksPerPart);
  table.by_blocks = false;
  table.key = TableKey{"Id", "", 7, 7};
  ASSERT_EQ(PartsOf(table).size(), 1u);
  EXPECT_EQ(PartsOf(table)[0].copy_sql, "COPY \"public\".\"Orders\" (\"id\", \"Total\") TO STDOUT");
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
