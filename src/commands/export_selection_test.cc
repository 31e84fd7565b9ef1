#include "commands/export_selection.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pgcairn::commands {
namespace {

using postgres::ArchiveItem;

constexpr uint32_t kPgClass = 1259;
constexpr uint32_t kHidden = 500;

ArchiveItem Item(uint32_t id, const std::string& kind, const std::string& tag,
                 std::vector<uint32_t> needs = {}) {
  ArchiveItem item;
  item.id = id;
  item.kind = kind;
  item.tag = tag;
  item.schema = "s";
  item.catalog = kPgClass;
  item.oid = 1000 + id;
  item.needs = std::move(needs);
  return item;
}

ArchiveItem Hidden(ArchiveItem item) {
  item.oid = kHidden + item.id;
  return item;
}

struct Selected {
  std::vector<uint32_t> made;
  std::vector<uint32_t> without;
  ExportSelection selection;
};

Selected Select(std::vector<ArchiveItem> items) {
  format::LogicalCatalog catalog;
  for (uint32_t id = 0; id < 100; ++id) {
    format::LogicalObject& object = *catalog.add_needing_hidden();
    object.set_catalog(kPgClass);
    object.set_oid(kHidden + id);
  }
  for (const ArchiveItem& item : items) {
    if (item.kind == "TABLE") {
      format::LogicalTable& table = *catalog.add_tables();
      table.set_oid(item.oid);
    } else if (item.kind == "SEQUENCE") {
      format::LogicalSequence& sequence = *catalog.add_sequences();
      sequence.set_schema("s");
      sequence.set_name(*item.tag);
    } else if (item.kind == "MATERIALIZED VIEW") {
      format::LogicalView& view = *catalog.add_filled_views();
      view.set_schema("s");
      view.set_name(*item.tag);
    }
  }
  postgres::DumpArchive archive;
  archive.items = std::move(items);
  Selected selected{{}, {}, SelectFrom(catalog, std::move(archive))};
  for (const ArchiveItem& item : selected.selection.archive->items)
    selected.made.push_back(item.id);
  for (const ArchiveItem& item : selected.selection.without) selected.without.push_back(item.id);
  return selected;
}

using Ids = std::vector<uint32_t>;
using Lines = std::vector<std::string>;

TEST(ExportSelectionTest, WhatNeedsSomethingHiddenGoesWithAllThatNeedsIt) {
  const Selected selected =
      Select({Item(1, "TABLE", "t"), Hidden(Item(2, "VIEW", "v")), Item(3, "VIEW", "w", {1, 2}),
              Item(4, "FUNCTION", "f()", {1}), Item(5, "COMMENT", "VIEW w", {3}),
              Item(6, "ACL", "TABLE t", {1})});
  EXPECT_EQ(selected.made, (Ids{1, 4, 6}));
  EXPECT_EQ(selected.without, (Ids{2, 3, 5}));
  EXPECT_EQ(selected.selection.lines,
            (Lines{"VIEW s v: it needs a table that the backup does not have",
                   "VIEW s w: it needs VIEW s v"}));
}

TEST(ExportSelectionTest, WhatTakesRowsOrValuesGoesWithItsDefinition) {
  const Selected selected =
      Select({Item(1, "TABLE", "t"), Hidden(Item(2, "TABLE", "u")),
              Hidden(Item(3, "SEQUENCE", "q")), Hidden(Item(4, "MATERIALIZED VIEW", "m")),
              Item(5, "SEQUENCE", "r"), Item(6, "MATERIALIZED VIEW", "n")});
  const format::LogicalCatalog& catalog = selected.selection.catalog;
  ASSERT_EQ(catalog.tables_size(), 1);
  EXPECT_EQ(catalog.tables(0).oid(), 1001u);
  ASSERT_EQ(catalog.sequences_size(), 1);
  EXPECT_EQ(catalog.sequences(0).name(), "r");
  ASSERT_EQ(catalog.filled_views_size(), 1);
  EXPECT_EQ(catalog.filled_views(0).name(), "n");
}

TEST(ExportSelectionTest, WhatBelongsToATableThatGoesIsNotNamed) {
  const Selected selected = Select({Hidden(Item(1, "TABLE", "t")), Item(2, "INDEX", "i", {1}),
                                    Hidden(Item(3, "FUNCTION", "f()")), Item(4, "TABLE", "u"),
                                    Item(5, "TRIGGER", "u fires", {4, 3}),
                                    Hidden(Item(6, "FK CONSTRAINT", "u fk", {4}))});
  EXPECT_EQ(selected.without, (Ids{1, 2, 3, 5, 6}));
  EXPECT_EQ(selected.selection.lines,
            (Lines{"TABLE s t: it needs a table that the backup does not have",
                   "FUNCTION s f(): it needs a table that the backup does not have",
                   "TRIGGER s u fires: it needs FUNCTION s f()",
                   "FK CONSTRAINT s u fk: it needs a table that the backup does not have"}));
}

}  // namespace
}  // namespace pgcairn::commands
