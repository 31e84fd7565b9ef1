#include "commands/archive_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "commands/export_statements.h"
#include "postgres/identifier.h"

namespace pgcairn::commands {
namespace {

using postgres::ArchiveItem;
using postgres::ArchiveSection;

// Oids of system catalogs are the same in every version.
constexpr uint32_t kPgLargeObject = 2613;

// From 1.16 on an archive may have several lists of large objects, each under a name of its own
// (_LoadLOs of src/bin/pg_dump/pg_backup_directory.c).
constexpr int kMinorWithManyLists = 16;

using Name = std::pair<std::string, std::string>;

Name NameOf(const ArchiveItem& item) { return {item.schema.value_or(""), item.tag.value_or("")}; }

class DataAdder {
 public:
  DataAdder(const format::LogicalCatalog& catalog, postgres::DumpArchive& archive)
      : catalog_(catalog), archive_(archive) {
    for (const ArchiveItem& item : archive.items) {
      next_id_ = std::max(next_id_, item.id + 1);
      by_id_[item.id] = &item;
      if (postgres::IsTable(item)) tables_[item.oid] = &item;
      if (item.kind == "SEQUENCE") sequences_[NameOf(item)] = &item;
      if (item.kind == "MATERIALIZED VIEW") views_[NameOf(item)] = &item;
    }
  }

  Result<ArchiveFiles> Add() {
    AddLargeObjects();
    AddClearing();
    for (const format::LogicalTable& table : catalog_.tables()) RETURN_IF_ERROR(AddTable(table));
    AddSettling();
    AddBlobs();
    for (const format::LogicalSequence& sequence : catalog_.sequences()) AddSequence(sequence);
    AddViews();
    AddPublicPrivileges();
    Merge();
    return std::move(files_);
  }

 private:
  ArchiveItem NewItem(std::string kind, std::string tag, ArchiveSection section) {
    ArchiveItem item;
    item.id = next_id_++;
    item.kind = std::move(kind);
    item.tag = std::move(tag);
    item.section = section;
    item.owner = "";
    return item;
  }

  static void BelongsTo(ArchiveItem& item, const ArchiveItem* whose) {
    if (whose == nullptr) return;
    item.owner = whose->owner;
    // pg_restore knows the data of a table that it made by their first need (buildTocEntryArrays of
    // pg_backup_archiver.c).
    item.needs = {whose->id};
  }

  template <typename Key>
  static const ArchiveItem* Find(const std::map<Key, const ArchiveItem*>& items, const Key& key) {
    const auto found = items.find(key);
    return found == items.end() ? nullptr : found->second;
  }

  // Those first that others refer to are the first in the catalog, and the last to be emptied. Data
  // without a statement that takes it is statements itself (restore_toc_entry of
  // pg_backup_archiver.c).
  void AddClearing() {
    const auto& tables = catalog_.tables();
    for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
      if (!NeedsClearing(*table)) continue;
      ArchiveItem item = NewDataItem(*table);
      for (auto other = tables.rbegin(); other != table; ++other) {
        const auto cleared = clearing_.find(other->oid());
        if (cleared != clearing_.end() &&
            std::ranges::count(other->refers_to(), table->oid()) > 0) {
          item.needs.push_back(cleared->second);
        }
      }
      clearing_[table->oid()] = item.id;
      files_.statements.emplace_back(item.file, ClearStatement(*table));
      data_.push_back(std::move(item));
    }
  }

  void AddSettling() {
    for (const format::LogicalTable& table : catalog_.tables()) {
      if (!NeedsClearing(table)) continue;
      ArchiveItem item = NewDataItem(table);
      item.needs.push_back(loading_.at(table.oid()));
      files_.statements.emplace_back(item.file, SettleStatement(table));
      data_.push_back(std::move(item));
    }
  }

  ArchiveItem NewDataItem(const format::LogicalTable& table) {
    ArchiveItem item = NewItem("TABLE DATA", table.name(), ArchiveSection::kData);
    item.oid = table.oid();
    item.schema = table.schema();
    item.has_data = true;
    item.file = fmt::format("{}.dat", item.id);
    return item;
  }

  // What must be done before, where the table's keys are there already.
  void AddNeeds(ArchiveItem& item, const format::LogicalTable& table) {
    if (const auto cleared = clearing_.find(table.oid()); cleared != clearing_.end()) {
      item.needs.push_back(cleared->second);
    }
    for (uint32_t other : table.refers_to()) {
      if (const auto loaded = loading_.find(other); loaded != loading_.end()) {
        item.needs.push_back(loaded->second);
      }
    }
    loading_[table.oid()] = item.id;
  }

  Status AddTable(const format::LogicalTable& table) {
    const ArchiveItem* definition = Find(tables_, table.oid());
    if (definition == nullptr && !table.of_extension()) {
      return Error{Code::kDamaged,
                   fmt::format("the backup's definitions lack {}.{}", table.schema(), table.name()),
                   "restore from another backup"};
    }
    ArchiveItem item = NewDataItem(table);
    item.copy = CopyStatement(table);
    if (!table.load_name().empty()) {
      // By this it knows not to empty the table before (is_load_via_partition_root).
      item.definition = "-- load via partition root " +
                        postgres::QualifiedName(table.load_schema(), table.load_name());
    }
    BelongsTo(item, definition);
    AddNeeds(item, table);
    files_.tables.push_back({&table, item.file});
    data_.push_back(std::move(item));
    return {};
  }

  // What there is of each object but its bytes. pg_restore grants when all else is done.
  void AddLargeObjects() {
    for (const format::LogicalLargeObject& object : catalog_.large_objects()) {
      const std::string oid = std::to_string(object.oid());
      ArchiveItem item = NewItem("BLOB", oid, ArchiveSection::kPreData);
      item.catalog = kPgLargeObject;
      item.oid = object.oid();
      item.definition = CreateStatement(object);
      // Without a way to drop it pg_restore would not set its owner.
      item.drop = fmt::format("SELECT pg_catalog.lo_unlink({});\n", oid);
      item.owner = object.owner();
      const uint32_t id = item.id;
      before_data_.push_back(std::move(item));
      auto append = [&](std::string kind, std::string statement) {
        if (statement.empty()) return;
        ArchiveItem more = NewItem(std::move(kind), "LARGE OBJECT " + oid, ArchiveSection::kNone);
        more.definition = std::move(statement);
        more.owner = object.owner();
        more.needs = {id};
        before_data_.push_back(std::move(more));
      };
      append("COMMENT", CommentStatement(object));
      append("ACL", GrantStatements(object));
    }
  }

  void AddBlobs() {
    if (catalog_.large_objects_size() == 0) return;
    ArchiveItem item = NewItem("BLOBS", "BLOBS", ArchiveSection::kData);
    item.has_data = true;
    item.file = archive_.minor_version >= kMinorWithManyLists ? fmt::format("blobs_{}.toc", item.id)
                                                              : "blobs.toc";
    for (const ArchiveItem& made : before_data_) {
      if (made.kind == "BLOB") item.needs.push_back(made.id);
    }
    files_.large_objects = item.file;
    data_.push_back(std::move(item));
  }

  void AddSequence(const format::LogicalSequence& sequence) {
    ArchiveItem item = NewItem("SEQUENCE SET", sequence.name(), ArchiveSection::kData);
    item.schema = sequence.schema();
    item.definition = SequenceStatement(sequence);
    BelongsTo(item, Find(sequences_, {sequence.schema(), sequence.name()}));
    data_.push_back(std::move(item));
  }

  // Those first that others read.
  void AddViews() {
    std::map<uint32_t, const format::LogicalView*> filled;  // by the item of the definition
    for (const format::LogicalView& view : catalog_.filled_views()) {
      const ArchiveItem* definition = Find(views_, {view.schema(), view.name()});
      if (definition != nullptr) filled[definition->id] = &view;
    }
    std::map<uint32_t, uint32_t> added;  // to the id of what fills it
    while (added.size() < filled.size()) {
      const size_t before = added.size();
      for (const auto& [id, view] : filled) {
        std::vector<uint32_t> reads;
        for (uint32_t other : NeededBy(id)) {
          if (other != id && filled.contains(other)) reads.push_back(other);
        }
        const bool ready =
            std::ranges::all_of(reads, [&](uint32_t read) { return added.contains(read); });
        if (added.contains(id) || !ready) continue;
        ArchiveItem item =
            NewItem("MATERIALIZED VIEW DATA", view->name(), ArchiveSection::kPostData);
        item.oid = by_id_.at(id)->oid;
        item.schema = view->schema();
        item.definition = RefreshStatement(*view);
        BelongsTo(item, by_id_.at(id));
        for (uint32_t read : reads) item.needs.push_back(added.at(read));
        added[id] = item.id;
        last_.push_back(std::move(item));
      }
      // Views do not read each other in a circle.
      if (added.size() == before) return;
    }
  }

  // Behind what pg_dump has to say of them.
  void AddPublicPrivileges() {
    const std::string statements = PublicSchemaStatements(catalog_);
    if (statements.empty()) return;
    const ArchiveItem* schema = nullptr;
    for (ArchiveItem& item : archive_.items) {
      if (item.kind == "SCHEMA" && item.tag == "public") schema = &item;
      if (item.kind != "ACL" || item.tag != "SCHEMA public") continue;
      item.definition = item.definition.value_or("") + statements;
      return;
    }
    ArchiveItem item = NewItem("ACL", "SCHEMA public", ArchiveSection::kNone);
    item.definition = statements;
    BelongsTo(item, schema);
    last_.push_back(std::move(item));
  }

  std::set<uint32_t> NeededBy(uint32_t id) const {
    std::set<uint32_t> seen{id};
    std::vector<uint32_t> open{id};
    while (!open.empty()) {
      const ArchiveItem* item = Find(by_id_, open.back());
      open.pop_back();
      if (item == nullptr) continue;
      for (uint32_t need : item->needs) {
        if (seen.insert(need).second) open.push_back(need);
      }
    }
    return seen;
  }

  void Merge() {
    std::vector<ArchiveItem>& items = archive_.items;
    const auto first_behind =
        std::ranges::find(items, ArchiveSection::kPostData, &ArchiveItem::section);
    std::vector<ArchiveItem> between = std::move(before_data_);
    std::ranges::move(data_, std::back_inserter(between));
    items.insert(first_behind, std::make_move_iterator(between.begin()),
                 std::make_move_iterator(between.end()));
    std::ranges::move(last_, std::back_inserter(items));
  }

  const format::LogicalCatalog& catalog_;
  postgres::DumpArchive& archive_;
  uint32_t next_id_ = 1;
  std::map<uint32_t, const ArchiveItem*> by_id_;
  std::map<uint32_t, const ArchiveItem*> tables_;  // by their oid at the source
  std::map<Name, const ArchiveItem*> sequences_;
  std::map<Name, const ArchiveItem*> views_;
  std::map<uint32_t, uint32_t> clearing_;  // from a table's oid to the item that empties it
  std::map<uint32_t, uint32_t> loading_;   // to the item that fills it
  std::vector<ArchiveItem> before_data_;
  std::vector<ArchiveItem> data_;
  std::vector<ArchiveItem> last_;
  ArchiveFiles files_;
};

// The definitions of a database without an encoding are the server's bytes, as its rows are.
void SetEncoding(const format::LogicalCatalog& catalog, postgres::DumpArchive& archive) {
  if (catalog.encoding() != "SQL_ASCII") return;
  for (ArchiveItem& item : archive.items) {
    if (item.kind == "ENCODING") item.definition = "SET client_encoding = 'SQL_ASCII';\n";
  }
}

}  // namespace

Result<ArchiveFiles> AddData(const format::LogicalCatalog& catalog,
                             postgres::DumpArchive& archive) {
  SetEncoding(catalog, archive);
  return DataAdder(catalog, archive).Add();
}

std::string LargeObjectFile(uint32_t oid) { return fmt::format("blob_{}.dat", oid); }

std::string LargeObjectLine(uint32_t oid) {
  return fmt::format("{} {}\n", oid, LargeObjectFile(oid));
}

}  // namespace pgcairn::commands
