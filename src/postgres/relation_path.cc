#include "postgres/relation_path.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace pgcairn::postgres {
namespace {

struct Directory {
  uint32_t tablespace = 0;
  uint32_t database = 0;
};

// Cuts off and returns what stands before the first slash.
std::string_view TakeComponent(std::string_view& rest) {
  size_t slash = rest.find('/');
  std::string_view component = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return component;
}

std::optional<Directory> ParseDirectory(std::string_view path) {
  if (path == "global") return Directory{kGlobalTablespaceOid, 0};
  std::string_view rest = path;
  std::string_view first = TakeComponent(rest);
  Directory directory{kDefaultTablespaceOid, 0};
  if (first == "pg_tblspc") {
    auto oid = ParseOid(TakeComponent(rest));
    if (!oid || !IsTablespaceVersionDirectory(TakeComponent(rest))) return std::nullopt;
    directory.tablespace = *oid;
  } else if (first != "base") {
    return std::nullopt;
  }
  auto database = ParseOid(rest);
  if (!database) return std::nullopt;
  directory.database = *database;
  return directory;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The path without the segment number, and that number.
std::pair<std::string_view, uint32_t> SplitSegment(std::string_view path) {
  size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || !ParseRelationPath(path)) return {path, 0};
  auto segment = ParseOid(path.substr(dot + 1));
  return segment ? std::pair(path.substr(0, dot), *segment) : std::pair(path, 0U);
}

}  // namespace

std::optional<uint32_t> ParseOid(std::string_view text) {
  uint32_t value = 0;
  if (!IsNumber(text) || text.front() == '0') return std::nullopt;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsTablespaceVersionDirectory(std::string_view name) {
  if (!name.starts_with("PG_")) return false;
  name.remove_prefix(3);
  size_t underscore = name.find('_');
  return underscore != std::string_view::npos && IsNumber(name.substr(0, underscore)) &&
         IsNumber(name.substr(underscore + 1));
}

std::optional<RelationFile> ParseRelationFileName(std::string_view name) {
  RelationFile file;
  if (name.starts_with('t')) {
    size_t underscore = name.find('_');
    if (underscore == std::string_view::npos || !IsNumber(name.substr(1, underscore - 1))) {
      return std::nullopt;
    }
    file.temporary = true;
    name.remove_prefix(underscore + 1);
  }
  if (size_t dot = name.find('.'); dot != std::string_view::npos) {
    auto segment = ParseOid(name.substr(dot + 1));
    if (!segment) return std::nullopt;
    file.segment = *segment;
    name = name.substr(0, dot);
  }
  if (size_t underscore = name.find('_'); underscore != std::string_view::npos) {
    std::string_view fork = name.substr(underscore + 1);
    if (fork == "fsm") {
      file.fork = Fork::kFreeSpaceMap;
    } else if (fork == "vm") {
      file.fork = Fork::kVisibilityMap;
    } else if (fork == "init") {
      file.fork = Fork::kInit;
    } else {
      return std::nullopt;
    }
    name = name.substr(0, underscore);
  }
  auto relfilenode = ParseOid(name);
  if (!relfilenode) return std::nullopt;
  file.relfilenode = *relfilenode;
  return file;
}

std::optional<RelationFile> ParseRelationPath(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto file = ParseRelationFileName(path.substr(slash + 1));
  if (!file) return std::nullopt;
  auto directory = ParseDirectory(path.substr(0, slash));
  if (!directory) return std::nullopt;
  file->tablespace = directory->tablespace;
  file->database = directory->database;
  return file;
}

bool IsRelationDirectory(std::string_view path) { return ParseDirectory(path).has_value(); }

std::optional<uint32_t> FirstBlock(const RelationFile& file, uint32_t relseg_size_pages) {
  uint64_t block = static_cast<uint64_t>(file.segment) * relseg_size_pages;
  // The last number stands for "no block" in PostgreSQL.
  if (block >= std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(block);
}

bool PathLess(std::string_view a, std::string_view b) {
  auto [path_a, segment_a] = SplitSegment(a);
  auto [path_b, segment_b] = SplitSegment(b);
  if (path_a != path_b) return path_a < path_b;
  return segment_a < segment_b;
}

}  // namespace pgcairn::postgres
