#include "sources/logical/row_order.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pgcairn::sources {
namespace {

TableToCopy Table(uint32_t oid, std::vector<uint32_t> refers_to = {}) {
  TableToCopy table;
  table.oid = oid;
  table.refers_to = std::move(refers_to);
  return table;
}

std::vector<uint32_t> Ordered(std::vector<TableToCopy> tables) {
  std::vector<uint32_t> oids;
  for (const TableToCopy& table : InOrderOfRows(std::move(tables))) oids.push_back(table.oid);
  return oids;
}

TEST(RowOrderTest, TablesWithoutReferencesStayAsTheyCame) {
  EXPECT_EQ(Ordered({Table(3), Table(1), Table(2)}), (std::vector<uint32_t>{3, 1, 2}));
}

TEST(RowOrderTest, ATableComesBehindThoseThatItRefersTo) {
  EXPECT_EQ(Ordered({Table(1, {2}), Table(2, {4, 3}), Table(3), Table(4, {3, 3}), Table(5, {3})}),
            (std::vector<uint32_t>{3, 4, 2, 1, 5}));
}

TEST(RowOrderTest, WhatIsNotThereIsNotWaitedFor) {
  EXPECT_EQ(Ordered({Table(2, {99}), Table(1, {1, 2})}), (std::vector<uint32_t>{2, 1}));
}

// 1 is in no circle, but waits for one.
TEST(RowOrderTest, OfACircleOneTableAloneRefersToWhatIsBehindIt) {
  EXPECT_EQ(Ordered({Table(1, {2}), Table(2, {3}), Table(3, {4}), Table(4, {2})}),
            (std::vector<uint32_t>{2, 1, 4, 3}));
}

}  // namespace
}  // namespace pgcairn::sources
