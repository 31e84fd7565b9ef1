#include "commands/export_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "commands/export_sql.h"

namespace pgcairn::commands {
namespace {

using postgres::ArchiveItem;

// What is said of another thing goes with it, and so does what belongs to a table: neither is worth
// a line of its own.
constexpr std::string_view kSaidOfExported[] = {"ACL", "COMMENT", "SECURITY LABEL",
                                                "SEQUENCE OWNED BY", "INDEX ATTACH"};
constexpr std::string_view kPartsOfExported[] = {
    "DEFAULT", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX",       "STATISTICS",
    "RULE",    "TRIGGER",    "POLICY",           "ROW SECURITY",  "TABLE ATTACH"};

constexpr std::string_view kExportedRelations[] = {"TABLE", "VIEW", "MATERIALIZED VIEW",
                                                   "FOREIGN TABLE", "SEQUENCE"};

std::string Describe(const ArchiveItem& item) {
  return fmt::format("{} {} {}", item.kind.value_or(""), item.schema.value_or("-"),
                     item.tag.value_or(""));
}

bool IsRelation(const ArchiveItem& item) {
  return std::ranges::count(kExportedRelations, item.kind.value_or("")) > 0;
}

class ExportSelector {
 public:
  ExportSelector(const format::LogicalCatalog& catalog, postgres::DumpArchive archive) {
    for (const format::LogicalObject& object : catalog.needing_hidden()) {
      hidden_.emplace(object.catalog(), object.oid());
    }
    selection_.catalog = catalog;
    selection_.archive = std::move(archive);
  }

  ExportSelection Select() {
    // Whatever needs another item comes after it.
    std::vector<ArchiveItem> made;
    for (ArchiveItem& item : selection_.archive->items) {
      const bool without = MustGo(item);
      (without ? selection_.without : made).push_back(std::move(item));
    }
    selection_.archive->items = std::move(made);
    TakeFromCatalog();
    return std::move(selection_);
  }

 private:
  struct Gone {
    std::string name;
    bool is_relation = false;
  };

  bool MustGo(const ArchiveItem& item) {
    const bool hidden = item.catalog != 0 && hidden_.contains({item.catalog, item.oid});
    const Gone* need = nullptr;
    for (uint32_t id : item.needs) {
      if (const auto gone = gone_.find(id); gone != gone_.end()) need = &gone->second;
    }
    if (!hidden && need == nullptr) return false;
    const std::string kind = item.kind.value_or("");
    const bool silent =
        std::ranges::count(kSaidOfExported, kind) > 0 ||
        (std::ranges::count(kPartsOfExported, kind) > 0 && need != nullptr && need->is_relation);
    if (!silent) {
      selection_.lines.push_back(
          fmt::format("{}: it needs {}", Describe(item),
                      hidden ? "a table that the backup does not have" : need->name));
    }
    gone_[item.id] = {Describe(item), IsRelation(item)};
    return true;
  }

  template <typename Field, typename IsGone>
  static void Erase(Field& field, const IsGone& is_gone) {
    field.erase(std::remove_if(field.begin(), field.end(), is_gone), field.end());
  }

  void TakeFromCatalog() {
    std::set<uint32_t> tables;
    std::set<std::pair<std::string, std::string>> relations;
    for (const ArchiveItem& item : selection_.without) {
      if (postgres::IsTable(item)) tables.insert(item.oid);
      if (!IsRelation(item)) continue;
      relations.emplace(item.schema.value_or(""), item.tag.value_or(""));
    }
    const auto has_gone = [&relations](const auto& relation) {
      return relations.contains({relation.schema(), relation.name()});
    };
    Erase(*selection_.catalog.mutable_tables(),
          [&tables](const auto& table) { return tables.contains(table.oid()); });
    Erase(*selection_.catalog.mutable_sequences(), has_gone);
    Erase(*selection_.catalog.mutable_filled_views(), has_gone);
  }

  std::set<std::pair<uint32_t, uint32_t>> hidden_;
  std::map<uint32_t, Gone> gone_;
  ExportSelection selection_;
};

Result<postgres::DumpArchive> ReadDefinitions(const LogicalContents& contents) {
  Bytes dump;
  RETURN_IF_ERROR(WriteDocument(contents, "schema.dump", [&](ByteView piece) -> Status {
    Append(dump, piece);
    return {};
  }));
  return postgres::ReadDumpArchive(dump);
}

}  // namespace

ExportSelection SelectFrom(const format::LogicalCatalog& catalog, postgres::DumpArchive archive) {
  return ExportSelector(catalog, std::move(archive)).Select();
}

Result<ExportSelection> SelectForExport(const LogicalContents& contents, bool needs_archive) {
  if (contents.catalog().needing_hidden().empty() && !needs_archive) {
    return ExportSelection{contents.catalog(), std::nullopt, {}, {}};
  }
  ASSIGN_OR_RETURN(postgres::DumpArchive archive, ReadDefinitions(contents));
  return SelectFrom(contents.catalog(), std::move(archive));
}

}  // namespace pgcairn::commands
