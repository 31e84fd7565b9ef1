#include "commands/table_entries.h"

#include <gtest/gtest.h>

#include <vector>

namespace pgcairn::commands {
namespace {

using Ids = std::vector<uint32_t>;

// As pg_restore lists it.
const std::vector<sources::ArchiveEntry> kArchive = {
    {1, 1247, 900, "TYPE public mood owner", {}},
    {2, 1259, 1000, "TABLE public a owner", {1}},
    {3, 0, 0, "COMMENT public TABLE a owner", {2}},
    {4, 0, 0, "ACL public COLUMN a.x owner", {2, 3}},
    {5, 1259, 1001, "SEQUENCE public a_id_seq owner", {2}},
    {6, 0, 0, "SEQUENCE OWNED BY public a_id_seq owner", {5}},
    {7, 0, 0, "ACL public SEQUENCE a_id_seq owner", {5}},
    {8, 1259, 1002, "TABLE public a b owner", {}},
    {9, 1259, 1003, "VIEW public v owner", {2}},
    {10, 0, 0, "COMMENT public VIEW v owner", {9}},
    {11, 1259, 1004, "TABLE public child owner", {2}},
    {12, 0, 0, "TABLE ATTACH public a owner", {2, 8}},
    {13, 2604, 1005, "DEFAULT public a id owner", {5, 2}},
    {14, 2604, 1006, "DEFAULT public other id owner", {5, 2}},
    {15, 2606, 1007, "CONSTRAINT public a a_pkey owner", {2}},
    {16, 0, 0, "COMMENT public CONSTRAINT a_pkey ON a owner", {15}},
    {17, 1259, 1008, "INDEX public a_x owner", {2}},
    {18, 0, 0, "INDEX ATTACH public a_x owner", {17, 8}},
    {19, 3381, 1009, "STATISTICS public a_st owner", {2}},
    {20, 2618, 1010, "RULE public a r owner", {2}},
    {21, 2618, 1011, "RULE public v r owner", {2, 9}},
    {22, 2620, 1012, "TRIGGER public a t owner", {2}},
    {23, 0, 1000, "ROW SECURITY public a owner", {2}},
    {24, 3256, 1013, "POLICY public a p owner", {2}},
    {25, 3256, 1014, "POLICY public child p owner", {11, 2}},
    {26, 2606, 1015, "FK CONSTRAINT public a a_fk owner", {2, 8}},
    {27, 0, 0, "COMMENT public CONSTRAINT a_fk ON a owner", {26}},
    {28, 2606, 1016, "FK CONSTRAINT public child child_fk owner", {11, 15, 2}},
    {29, 6106, 1017, "PUBLICATION TABLE public pub a owner", {2}}};

format::LogicalTable TableOf(uint32_t oid, const char* name) {
  format::LogicalTable table;
  table.set_oid(oid);
  table.set_schema("public");
  table.set_name(name);
  return table;
}

TEST(TableEntriesTest, WhatBelongsToATableIsChosenAndNothingElse) {
  const TableEntries entries = EntriesOfTable(kArchive, TableOf(1000, "a"));
  EXPECT_EQ(entries.before_rows, (Ids{2, 3, 5, 6, 13}));
  EXPECT_EQ(entries.after_rows, (Ids{4, 7, 15, 16, 17, 19, 20, 22, 23, 24}));
  ASSERT_EQ(entries.foreign_keys.size(), 1u);
  EXPECT_EQ(entries.foreign_keys[0].ids, (Ids{26, 27}));
  EXPECT_EQ(entries.left_out, (std::vector<std::string>{"TABLE ATTACH public a owner",
                                                        "INDEX ATTACH public a_x owner",
                                                        "FK CONSTRAINT public child child_fk owner",
                                                        "PUBLICATION TABLE public pub a owner"}));
}

TEST(TableEntriesTest, TablesAreToldApartByTheirOids) {
  const TableEntries entries = EntriesOfTable(kArchive, TableOf(1002, "a b"));
  EXPECT_EQ(entries.before_rows, Ids{8});
  EXPECT_TRUE(entries.after_rows.empty());
  EXPECT_TRUE(EntriesOfTable(kArchive, TableOf(4711, "a")).before_rows.empty());
}

}  // namespace
}  // namespace pgcairn::commands
