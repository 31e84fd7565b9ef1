#include "commands/extension_rows.h"

#include <gtest/gtest.h>

namespace pgcairn::commands {
namespace {

void Add(format::LogicalCatalog& catalog, uint32_t oid, const std::string& name,
         std::initializer_list<uint32_t> refers_to, uint64_t rows = 1) {
  format::LogicalTable& table = *catalog.add_tables();
  table.set_oid(oid);
  table.set_schema("ext");
  table.set_name(name);
  table.set_rows(rows);
  for (uint32_t other : refers_to) table.add_refers_to(other);
}

using Lines = std::vector<std::string>;

TEST(ExtensionRowsTest, ATableThatComesBehindThoseItRefersToIsInNoCircle) {
  format::LogicalCatalog catalog;
  Add(catalog, 1, "parent", {});
  Add(catalog, 2, "child", {1, 99});
  EXPECT_EQ(CirclesOfExtensions(catalog), Lines());
}

TEST(ExtensionRowsTest, ACircleIsNamedOnce) {
  format::LogicalCatalog catalog;
  Add(catalog, 1, "first", {3});
  Add(catalog, 2, "between", {1});
  Add(catalog, 3, "last", {2});
  EXPECT_EQ(CirclesOfExtensions(catalog), Lines{"ext.first refers to ext.last and back"});
}

TEST(ExtensionRowsTest, WhatIsLeftOutIsInNoCircle) {
  format::LogicalCatalog catalog;
  Add(catalog, 1, "first", {2});
  Add(catalog, 2, "last", {1});
  EXPECT_EQ(CirclesOfExtensions({&catalog.tables(0)}), Lines());
}

TEST(ExtensionRowsTest, ATableWithoutRowsRefersToNothing) {
  format::LogicalCatalog catalog;
  Add(catalog, 1, "first", {2}, 0);
  Add(catalog, 2, "last", {1});
  EXPECT_EQ(CirclesOfExtensions(catalog), Lines());
}

}  // namespace
}  // namespace pgcairn::commands
