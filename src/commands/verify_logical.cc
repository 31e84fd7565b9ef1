#include "commands/verify_logical.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "commands/verify_report.h"

namespace pgcairn::commands {
namespace {

constexpr std::string_view kRows = "rows/";
constexpr std::string_view kLargeObjects = "large_objects/";
// No table has it.
constexpr uint32_t kLargeObjectsOid = 0;

// Nothing but the digits that std::to_string would write.
std::optional<uint32_t> ParseNumber(std::string_view text) {
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return number;
}

std::string NameOf(uint32_t table) {
  return table == kLargeObjectsOid ? "large_objects" : fmt::format("rows/{}", table);
}

// The table and the number of its part; nothing when the path is not one of rows.
std::optional<std::pair<uint32_t, uint32_t>> ParseRowsPath(std::string_view path) {
  std::optional<uint32_t> table = kLargeObjectsOid;
  if (path.starts_with(kLargeObjects)) {
    path.remove_prefix(kLargeObjects.size());
  } else if (path.starts_with(kRows)) {
    path.remove_prefix(kRows.size());
    const size_t slash = std::min(path.find('/'), path.size());
    table = ParseNumber(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (table == kLargeObjectsOid) return std::nullopt;
  } else {
    return std::nullopt;
  }
  std::optional<uint32_t> part = ParseNumber(path);
  if (!table || !part) return std::nullopt;
  return std::pair(*table, *part);
}

}  // namespace

void StreamsAgainstCatalog::Refuse(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

void StreamsAgainstCatalog::Add(const repository::StreamEntry& stream) {
  if (stream.kind != repository::StreamKind::kChunks) {
    return Refuse(fmt::format("a backup of a database holds the file {}", stream.path));
  }
  auto document = std::ranges::find(kDocuments, stream.path);
  if (document != kDocuments.end()) {
    bool& has = has_document_[static_cast<size_t>(document - kDocuments.begin())];
    if (std::exchange(has, true)) Refuse(fmt::format("the backup holds {} twice", stream.path));
  } else if (auto rows = ParseRowsPath(stream.path)) {
    parts_.push_back({rows->first, rows->second, stream.size});
  } else {
    Refuse(fmt::format("the backup holds {}, which no backup of a database has", stream.path));
  }
}

std::map<uint32_t, StreamsAgainstCatalog::Table> StreamsAgainstCatalog::Tables() {
  std::ranges::sort(parts_, {}, &Part::number);
  std::map<uint32_t, Table> tables;
  for (const Part& part : parts_) {
    Table& table = tables[part.table];
    table.gapless = table.gapless && part.number == table.parts;
    ++table.parts;
    table.bytes += part.bytes;
  }
  return tables;
}

Status StreamsAgainstCatalog::JudgeRows(const format::LogicalCatalog& catalog) {
  std::map<uint32_t, Table> held = Tables();
  // What is named once is no longer there for a second one of the same oid.
  auto judge = [&held](uint32_t oid, uint32_t parts, std::optional<uint64_t> bytes) -> Status {
    auto node = held.extract(oid);
    const Table table = node.empty() ? Table() : node.mapped();
    if (table.parts != parts || !table.gapless) {
      return Damaged(fmt::format("the catalog names {} parts of {}, and the backup holds others",
                                 parts, NameOf(oid)));
    }
    if (!bytes || *bytes == table.bytes) return {};
    return Damaged(fmt::format("the catalog states {} bytes of {}, and the backup holds {}", *bytes,
                               NameOf(oid), table.bytes));
  };
  RETURN_IF_ERROR(judge(kLargeObjectsOid, catalog.large_object_parts(), std::nullopt));
  for (const format::LogicalTable& table : catalog.tables()) {
    if (table.parts() == 0) {
      return Damaged(fmt::format("the catalog names no part of {}", NameOf(table.oid())));
    }
    RETURN_IF_ERROR(judge(table.oid(), table.parts(), table.bytes()));
  }
  if (held.empty()) return {};
  return Damaged(fmt::format("the backup holds {}, of which its catalog says nothing",
                             NameOf(held.begin()->first)));
}

Status StreamsAgainstCatalog::Judge(const format::Manifest& manifest,
                                    const std::optional<Bytes>& catalog) {
  if (!problem_.empty()) return Damaged(problem_);
  for (size_t i = 0; i < kDocuments.size(); ++i) {
    if (!has_document_[i]) return Damaged(fmt::format("the backup holds no {}", kDocuments[i]));
  }
  if (!catalog) return {};
  format::LogicalCatalog parsed;
  if (!parsed.ParseFromArray(catalog->data(), static_cast<int>(catalog->size()))) {
    return Damaged("the catalog of the backup cannot be parsed");
  }
  if (manifest.databases_size() != 1 || manifest.databases(0).name() != parsed.database()) {
    return Damaged("the catalog of the backup is another database's than the manifest's");
  }
  return JudgeRows(parsed);
}

}  // namespace pgcairn::commands
