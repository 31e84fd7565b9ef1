#include "postgres/tablespace_map.h"

#include <fmt/format.h>

#include <charconv>

namespace pgcairn::postgres {
namespace {

// MAXPGPATH (src/include/pg_config_manual.h) bounds OID, space, path and the final NUL.
constexpr size_t kLineBytesMax = 1023;

bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

bool EscapesBackslashes(int server_major) { return server_major >= 14; }

Error DamagedMap(std::string_view what) {
  return {Code::kDamaged, fmt::format("reading a tablespace_map: {}", what), ""};
}

Result<TablespaceMapEntry> ParseLine(std::string_view line) {
  TablespaceMapEntry entry;
  auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), entry.oid);
  std::string_view rest = line.substr(static_cast<size_t>(end - line.data()));
  if (failed != std::errc() || entry.oid == 0 || !rest.starts_with(" /")) {
    return DamagedMap(fmt::format("\"{}\" is not an OID and a directory", line));
  }
  entry.path = rest.substr(1);
  return entry;
}

// True when the path holds a line end and then what looks like a line of its own.
bool HoldsALine(std::string_view path) {
  for (size_t at = 0; at < path.size(); ++at) {
    if (!IsLineEnd(path[at])) continue;
    size_t after = path.find_first_not_of("0123456789", at + 1);
    if (after != std::string_view::npos && after > at + 1 && path.substr(after).starts_with(" /")) {
      return true;
    }
  }
  return false;
}

// Takes one unescaped line off the front of `text`.
Result<std::string> TakeLine(std::string_view* text, int server_major) {
  std::string line;
  for (size_t at = 0; at < text->size(); ++at) {
    char c = (*text)[at];
    if (IsLineEnd(c)) {
      text->remove_prefix(at + 1);
      return line;
    }
    bool last = at + 1 == text->size();
    if (c == '\\' && !last && (EscapesBackslashes(server_major) || IsLineEnd((*text)[at + 1]))) {
      c = (*text)[++at];
    }
    line += c;
  }
  return DamagedMap("its last line has no end");
}

}  // namespace

Result<std::vector<TablespaceMapEntry>> ParseTablespaceMap(std::string_view text,
                                                           int server_major) {
  Error run_together{Code::kUnsupported,
                     "reading a tablespace_map: where a tablespace's directory ends cannot be told",
                     "PostgreSQL 13 cannot keep a tablespace in a directory whose name ends with a "
                     "backslash: move it"};
  std::vector<TablespaceMapEntry> entries;
  while (!text.empty()) {
    Result<std::string> line = TakeLine(&text, server_major);
    if (!line.ok()) {
      bool escaped_end = !EscapesBackslashes(server_major) && text.ends_with("\\\n");
      return escaped_end ? run_together : line.error();
    }
    if (line->empty()) continue;
    ASSIGN_OR_RETURN(TablespaceMapEntry entry, ParseLine(*line));
    for (const TablespaceMapEntry& other : entries) {
      if (other.oid == entry.oid) return DamagedMap(fmt::format("{} is there twice", entry.oid));
    }
    if (!EscapesBackslashes(server_major) && HoldsALine(entry.path)) return run_together;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::string> WriteTablespaceMap(const std::vector<TablespaceMapEntry>& entries,
                                       int server_major) {
  std::string text;
  for (const TablespaceMapEntry& entry : entries) {
    std::string oid = std::to_string(entry.oid);
    auto refuse = [&](std::string_view why) {
      return Error{Code::kUsage,
                   fmt::format("tablespace {} cannot be put into \"{}\": {}", oid, entry.path, why),
                   "choose another directory for it"};
    };
    if (!entry.path.starts_with('/')) return refuse("the path is not absolute");
    if (entry.path.find('\0') != std::string::npos) return refuse("the path holds a zero byte");
    if (oid.size() + 1 + entry.path.size() > kLineBytesMax) return refuse("the path is too long");
    if (!EscapesBackslashes(server_major) && entry.path.ends_with('\\')) {
      return refuse("PostgreSQL 13 misreads a path that ends with a backslash");
    }
    text += oid + " ";
    for (char c : entry.path) {
      if (IsLineEnd(c) || (c == '\\' && EscapesBackslashes(server_major))) text += '\\';
      text += c;
    }
    text += '\n';
  }
  return text;
}

}  // namespace pgcairn::postgres
