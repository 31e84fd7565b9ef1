#include "commands/logical_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "commands/extension_rows.h"
#include "commands/logical_run.h"
#include "commands/work_in_parallel.h"
#include "sources/logical/large_object_load.h"
#include "sources/logical/table_load.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

// Parts of one table that one transaction loads.
struct RowItem {
  size_t table = 0;  // index in RowLoad::tables
  uint32_t first_part = 0;
  uint32_t parts = 0;
  uint64_t bytes = 0;
};

// What was there goes in the transaction that loads the table, so that it is one item.
Result<std::vector<RowItem>> ItemsOf(const RowLoad& load) {
  std::vector<RowItem> items;
  for (size_t i = 0; i < load.tables.size(); ++i) {
    const format::LogicalTable& table = *load.tables[i];
    if (table.of_extension() || load.replaced.contains(table.oid())) {
      items.push_back({i, 0, table.parts(), table.bytes()});
      continue;
    }
    for (uint32_t part = 0; part < table.parts(); ++part) {
      ASSIGN_OR_RETURN(uint64_t bytes, load.contents.BytesOfPart(table, part));
      if (bytes > 0) items.push_back({i, part, 1, bytes});
    }
  }
  std::ranges::stable_sort(items, std::ranges::greater(), &RowItem::bytes);
  return items;
}

sources::TableToLoad ToTable(const RowLoad& load, const format::LogicalTable& table) {
  if (auto replaced = load.replaced.find(table.oid()); replaced != load.replaced.end()) {
    return {table.schema(), table.name(), replaced->second};
  }
  const bool through_another = !table.load_name().empty();
  return {through_another ? table.load_schema() : table.schema(),
          through_another ? table.load_name() : table.name(),
          {table.columns().begin(), table.columns().end()}};
}

std::optional<sources::FieldFilter> FilterOf(const format::LogicalTable& from,
                                             const sources::TableToLoad& to) {
  if (to.columns.size() == static_cast<size_t>(from.columns_size())) return std::nullopt;
  std::vector<bool> keep;
  for (const std::string& column : from.columns()) {
    keep.push_back(std::ranges::count(to.columns, column) > 0);
  }
  return sources::FieldFilter(std::move(keep));
}

class RowLoader {
 public:
  explicit RowLoader(const RowLoad& load)
      : load_(load), rows_(load.tables.size()), bytes_(load.tables.size()) {}

  Status Run() {
    ASSIGN_OR_RETURN(items_, ItemsOf(load_));
    RETURN_IF_ERROR(OpenSessions());
    uint64_t bytes = 0;
    for (const RowItem& item : items_) bytes += item.bytes;
    Progress progress(load_.progress, "restore", bytes);
    std::atomic<size_t> next{0};
    if (!sessions_.front().silent) {
      RETURN_IF_ERROR(LoadRowsOfExtensions(sessions_.front().connection, progress));
    }
    WorkInParallel(sessions_.size(), items_.size(), progress, [&]() -> Worker {
      postgres::Connection& connection = sessions_[next++].connection;
      return [&](size_t item) {
        if (!failed_) Note(Load(connection, items_[item], progress));
      };
    });
    progress.Finish();
    RETURN_IF_ERROR(error_);
    return Compare();
  }

  std::vector<LoadedRows> loaded() const {
    std::vector<LoadedRows> loaded;
    for (size_t i = 0; i < rows_.size(); ++i) loaded.push_back({rows_[i], bytes_[i]});
    return loaded;
  }

 private:
  // One after the other: a service bans who tries a wrong password many times at once.
  Status OpenSessions() {
    const size_t wanted = std::min(load_.threads, std::max<size_t>(1, items_.size()));
    const sources::RowText text = LogicalRun::RowTextOf(load_.contents.catalog());
    while (sessions_.size() < wanted) {
      Result<sources::LoadSession> session = sources::OpenLoadSession(load_.conninfo, text);
      if (!session.ok() && (sessions_.empty() || session.code() != Code::kConnection)) {
        return session.status();
      }
      if (!session.ok()) {
        LogWarning("{} sessions load rows, and not {}: {}", sessions_.size(), wanted,
                   session.error().message);
        return {};
      }
      sessions_.push_back(std::move(session).value());
    }
    return {};
  }

  // Keys between those tables are there already, and watched over. So, in the catalog's order, the
  // first one is emptied last and filled first.
  Status LoadRowsOfExtensions(postgres::Connection& connection, Progress& progress) {
    const auto first_of_others = std::stable_partition(
        items_.begin(), items_.end(),
        [this](const RowItem& item) { return load_.tables[item.table]->of_extension(); });
    std::vector<RowItem> items(items_.begin(), first_of_others);
    items_.erase(items_.begin(), first_of_others);
    std::ranges::sort(items, {}, &RowItem::table);
    std::vector<const format::LogicalTable*> tables;
    for (const RowItem& item : items) tables.push_back(load_.tables[item.table]);
    return sources::InTransaction(connection, [&]() -> Status {
      RETURN_IF_ERROR(RequireEmptyingIsAll(connection, tables));
      for (auto item = items.rbegin(); item != items.rend(); ++item) {
        RETURN_IF_ERROR(MakeRoom(connection, *item));
      }
      for (const RowItem& item : items) {
        ASSIGN_OR_RETURN(uint64_t rows, LoadParts(connection, item, progress));
        rows_[item.table] += rows;
      }
      return {};
    });
  }

  Status Load(postgres::Connection& connection, const RowItem& item, Progress& progress) {
    uint64_t rows = 0;
    auto parts = [&]() -> Status {
      RETURN_IF_ERROR(MakeRoom(connection, item));
      ASSIGN_OR_RETURN(rows, LoadParts(connection, item, progress));
      return {};
    };
    RETURN_IF_ERROR(sources::InTransaction(connection, parts));
    rows_[item.table] += rows;
    return {};
  }

  Status MakeRoom(postgres::Connection& connection, const RowItem& item) const {
    const format::LogicalTable& table = *load_.tables[item.table];
    if (!table.of_extension() && !load_.replaced.contains(table.oid())) return {};
    return sources::DeleteRows(connection, ToTable(load_, table), table.condition());
  }

  Result<uint64_t> LoadParts(postgres::Connection& connection, const RowItem& item,
                             Progress& progress) {
    const format::LogicalTable& from = *load_.tables[item.table];
    const sources::TableToLoad to = ToTable(load_, from);
    uint64_t rows = 0;
    for (uint32_t part = item.first_part; part < item.first_part + item.parts; ++part) {
      ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader, load_.contents.ReadRows(from, part));
      std::optional<sources::FieldFilter> filter = FilterOf(from, to);
      auto next = [&]() -> Result<ByteView> {
        // No byte of a piece may be left, and then it is not the end.
        for (;;) {
          if (failed_) return Error{Code::kCancelled, "another session failed", ""};
          Result<ByteView> piece = reader->Next();
          if (!piece.ok()) return piece;
          progress.Add(piece->size());
          bytes_[item.table] += piece->size();
          if (!filter || piece->empty()) return piece;
          ASSIGN_OR_RETURN(ByteView kept, filter->Filter(*piece));
          if (!kept.empty()) return kept;
        }
      };
      ASSIGN_OR_RETURN(uint64_t taken, sources::LoadRows(connection, to, next));
      rows += taken;
    }
    return rows;
  }

  void Note(const Status& status) {
    if (status.ok()) return;
    std::lock_guard lock(mutex_);
    if (!failed_) error_ = status;
    failed_ = true;
  }

  Status Compare() const {
    for (size_t i = 0; i < rows_.size(); ++i) {
      const format::LogicalTable& table = *load_.tables[i];
      if (rows_[i] == table.rows()) continue;
      return Error{
          Code::kFailed,
          fmt::format("{}.{} took {} rows, and {} has {} of it", table.schema(), table.name(),
                      rows_[i].load(), load_.contents.Describe(), table.rows()),
          ""};
    }
    return {};
  }

  const RowLoad& load_;
  std::vector<RowItem> items_;
  std::vector<sources::LoadSession> sessions_;
  std::vector<std::atomic<uint64_t>> rows_;   // by table
  std::vector<std::atomic<uint64_t>> bytes_;  // by table
  std::mutex mutex_;
  std::atomic<bool> failed_{false};
  Status error_;  // the first
};

std::vector<sources::LargeObjectToMake> ToMake(const format::LogicalCatalog& catalog) {
  std::vector<sources::LargeObjectToMake> objects;
  for (const format::LogicalLargeObject& from : catalog.large_objects()) {
    sources::LargeObjectToMake object;
    object.oid = from.oid();
    object.size = from.size();
    object.owner = from.owner();
    object.grants.assign(from.grants().begin(), from.grants().end());
    object.has_comment = from.has_comment();
    object.comment = from.comment();
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace

Result<std::vector<LoadedRows>> LoadAllRows(const RowLoad& load) {
  RowLoader loader(load);
  RETURN_IF_ERROR(loader.Run());
  return loader.loaded();
}

Status LoadLargeObjects(const DatabaseContents& contents, postgres::Connection& connection,
                        const std::function<bool(const std::string& owner)>& may_give) {
  const format::LogicalCatalog& catalog = contents.catalog();
  std::vector<sources::LargeObjectToMake> objects = ToMake(catalog);
  for (sources::LargeObjectToMake& object : objects) {
    if (!may_give(object.owner)) object.owner.clear();
  }
  RETURN_IF_ERROR(sources::MakeLargeObjects(connection, objects));
  for (uint32_t part = 0; part < catalog.large_object_parts(); ++part) {
    ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader, contents.ReadLargeObjects(part));
    RETURN_IF_ERROR(
        sources::LoadLargeObjectPages(connection, catalog.large_object_page_bytes(), [&] {
          return reader->Next();
        }).status());
  }
  return sources::FinishLargeObjects(connection, objects);
}

}  // namespace pgcairn::commands
