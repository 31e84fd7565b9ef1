#include "commands/large_object_pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgcairn::commands {
namespace {

format::LogicalCatalog CatalogOf(std::vector<uint64_t> sizes) {
  format::LogicalCatalog catalog;
  catalog.set_large_object_page_bytes(4);
  uint32_t oid = 10;
  for (uint64_t size : sizes) {
    format::LogicalLargeObject* object = catalog.add_large_objects();
    object->set_oid(oid++);
    object->set_size(size);
  }
  return catalog;
}

struct Read {
  Status status;
  std::vector<std::string> pages;
};

Read ReadAll(const format::LogicalCatalog& catalog, std::string_view rows, size_t piece_bytes) {
  Read read;
  LargeObjectPages pages(catalog);
  for (size_t at = 0; at < rows.size() && read.status.ok(); at += piece_bytes) {
    read.status =
        pages.Add(AsBytes(rows.substr(at, piece_bytes)), [&](const LargeObjectPage& page) {
          read.pages.push_back(fmt::format("{} {} {}", page.oid, page.offset, page.hex));
          return Status();
        });
  }
  if (read.status.ok()) read.status = pages.Finish();
  return read;
}

TEST(LargeObjectPages, ComeOutHoweverThePiecesPartThem) {
  const format::LogicalCatalog catalog = CatalogOf({6, 0, 8});
  const std::string rows = "10\t0\t\\\\x01020304\n10\t1\t\\\\x05ff\n12\t1\t\\\\x00000000\n";
  for (size_t piece = 1; piece <= rows.size(); ++piece) {
    const Read read = ReadAll(catalog, rows, piece);
    ASSERT_TRUE(read.status.ok()) << read.status.error().message;
    EXPECT_EQ(read.pages,
              (std::vector<std::string>{"10 0 01020304", "10 4 05ff", "12 4 00000000"}));
  }
}

TEST(LargeObjectPages, AnEmptyLastPageMakesAnObjectLongerAndIsNoBytes) {
  const format::LogicalCatalog catalog = CatalogOf({8});
  LargeObjectPages pages(catalog);
  auto none = [](const LargeObjectPage&) { return Status(); };
  ASSERT_TRUE(pages.Add(AsBytes("10\t0\t\\\\x01\n10\t2\t\\\\x\n"), none).ok());
  EXPECT_TRUE(pages.Finish().ok());
  EXPECT_EQ(pages.WrittenUntil(10), 1U);
  EXPECT_EQ(pages.WrittenUntil(11), 0U);
}

TEST(LargeObjectPages, WhatTheCatalogDoesNotKnowIsDamage) {
  const format::LogicalCatalog catalog = CatalogOf({6});
  for (const char* rows :
       {"11\t0\t\\\\x01\n", "10\t0\t\\\\x0102030405\n", "10\t1\t\\\\x010203\n", "10\t9\t\\\\x01\n",
        "10\t18446744073709551615\t\\\\x01\n", "4294967306\t0\t\\\\x01\n", "10\t0\t\\x01\n",
        "10\t0\t\\\\x0\n", "10\t0\t\\\\x0g\n", "10\t\t\\\\x01\n", "\n", "10\t0\n",
        "10\t-1\t\\\\x01\n", "10\t0\t\\\\x01'); --\n", "10\t0\t\\\\x01020304\n",
        "10\t0\t\\\\x01020304\n10\t1\t\\\\x0506\n10\t"}) {
    const Read read = ReadAll(catalog, rows, 100);
    ASSERT_FALSE(read.status.ok()) << rows;
    EXPECT_EQ(read.status.code(), Code::kDamaged) << rows;
  }
  EXPECT_FALSE(ReadAll(catalog, std::string(1000, '1'), 100).status.ok()) << "without an end";
}

}  // namespace
}  // namespace pgcairn::commands
