#include "commands/table_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace pgcairn::commands {
namespace {

using sources::ArchiveEntry;

// Oids of system catalogs are the same in every version.
constexpr uint32_t kPgClass = 1259;

struct EntryKind {
  std::string_view name;
  bool before_rows;
  // What needs the table may be another's: a trigger names a second table, a policy asks one. Then
  // the entry's text says whose it is.
  bool names_its_table;
};

// As pg_dump.c calls them; one that begins with another comes before it.
constexpr EntryKind kEntryKinds[] = {{"SEQUENCE OWNED BY", true, false},
                                     {"SEQUENCE", true, false},
                                     {"DEFAULT", true, true},
                                     {"CONSTRAINT", false, true},
                                     {"CHECK CONSTRAINT", false, true},
                                     {"INDEX", false, false},
                                     {"STATISTICS", false, false},
                                     {"RULE", false, true},
                                     {"TRIGGER", false, true},
                                     {"POLICY", false, true},
                                     {"ROW SECURITY", false, false}};

// They go with whatever they need.
constexpr std::string_view kAppendages[] = {"COMMENT", "ACL", "SECURITY LABEL"};

bool IsOf(const ArchiveEntry& entry, std::string_view kind) {
  return entry.text.starts_with(kind) && entry.text.size() > kind.size() &&
         entry.text[kind.size()] == ' ';
}

// The dump's list has a space in the place of a line's end.
std::string OnOneLine(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return name;
}

class EntrySelection {
 public:
  explicit EntrySelection(const format::LogicalTable& table)
      : table_(table),
        name_(fmt::format(" {} {} ", OnOneLine(table.schema()), OnOneLine(table.name()))) {}

  void Add(const ArchiveEntry& entry) {
    if (entry.catalog == kPgClass && entry.oid == table_.oid() && IsOf(entry, "TABLE")) {
      Put(entry, entries_.before_rows);
      return;
    }
    if (IsAppendage(entry)) return AddAppendage(entry);
    if (!NeedsSelected(entry)) return;
    if (IsOf(entry, "FK CONSTRAINT")) return AddForeignKey(entry);
    for (const EntryKind& kind : kEntryKinds) {
      if (!IsOf(entry, kind.name)) continue;
      // "INDEX ATTACH" and the like begin with a kind, but are no objects.
      if (entry.catalog == 0 && IsAttachment(entry)) break;
      if (!kind.names_its_table || Names(entry, kind.name)) {
        Put(entry, kind.before_rows ? entries_.before_rows : entries_.after_rows);
      }
      return;
    }
    if (IsAttachment(entry) || IsOf(entry, "PUBLICATION TABLE")) {
      entries_.left_out.push_back(entry.text);
    }
  }

  TableEntries Take() { return std::move(entries_); }

 private:
  static bool IsAttachment(const ArchiveEntry& entry) {
    return IsOf(entry, "TABLE ATTACH") || IsOf(entry, "INDEX ATTACH");
  }
  static bool IsAppendage(const ArchiveEntry& entry) {
    return entry.catalog == 0 && std::ranges::any_of(kAppendages, [&](std::string_view kind) {
             return IsOf(entry, kind);
           });
  }
  bool NeedsSelected(const ArchiveEntry& entry) const {
    return std::ranges::any_of(entry.needs, [&](uint32_t id) { return places_.contains(id); });
  }
  bool Names(const ArchiveEntry& entry, std::string_view kind) const {
    return std::string_view(entry.text).substr(kind.size()).starts_with(name_);
  }

  void Put(const ArchiveEntry& entry, std::vector<uint32_t>& ids) {
    ids.push_back(entry.id);
    places_[entry.id] = &ids;
  }

  void AddAppendage(const ArchiveEntry& entry) {
    for (TableEntries::ForeignKey& key : entries_.foreign_keys) {
      if (std::ranges::count(entry.needs, key.ids.front()) > 0) {
        key.ids.push_back(entry.id);
        return;
      }
    }
    for (uint32_t id : entry.needs) {
      if (auto place = places_.find(id); place != places_.end()) {
        // Nobody reads the rows before the policies are there.
        Put(entry, IsOf(entry, "ACL") ? entries_.after_rows : *place->second);
        return;
      }
    }
  }

  void AddForeignKey(const ArchiveEntry& entry) {
    if (Names(entry, "FK CONSTRAINT")) {
      entries_.foreign_keys.push_back({{entry.id}, entry.text});
    } else {
      entries_.left_out.push_back(entry.text);
    }
  }

  const format::LogicalTable& table_;
  const std::string name_;
  TableEntries entries_;
  std::map<uint32_t, std::vector<uint32_t>*> places_;  // of what was selected
};

}  // namespace

TableEntries EntriesOfTable(const std::vector<ArchiveEntry>& archive,
                            const format::LogicalTable& table) {
  EntrySelection selection(table);
  // Whatever needs another entry comes after it.
  for (const ArchiveEntry& entry : archive) selection.Add(entry);
  return selection.Take();
}

}  // namespace pgcairn::commands
