// What a path below the data directory says of the relation whose pages the file holds.
//
// Source: src/common/relpath.c (GetRelationPath), src/backend/storage/file/reinit.c
// (parse_filename_for_nontemp_relation), src/include/catalog/pg_tablespace.dat (the two OIDs).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgcairn::postgres {

inline constexpr uint32_t kDefaultTablespaceOid = 1663;  // base/
inline constexpr uint32_t kGlobalTablespaceOid = 1664;   // global/

enum class Fork { kMain, kFreeSpaceMap, kVisibilityMap, kInit };

struct RelationFile {
  uint32_t tablespace = 0;
  // 0 for relations that all databases share.
  uint32_t database = 0;
  uint32_t relfilenode = 0;
  Fork fork = Fork::kMain;
  // The n-th file of the fork: "16384.3" is 3, "16384" is 0.
  uint32_t segment = 0;
  // A temporary relation ("t3_16384"): belongs to a session, never to a backup.
  bool temporary = false;
  friend bool operator==(const RelationFile&, const RelationFile&) = default;
};

// `path` is relative to the data directory: "base/5/16384_fsm.1", "global/1262",
// "pg_tblspc/16400/PG_15_202209061/5/16401". Nothing for any other file.
std::optional<RelationFile> ParseRelationPath(std::string_view path);

// The part of ParseRelationPath that looks at the last component only; tablespace and database
// stay 0.
std::optional<RelationFile> ParseRelationFileName(std::string_view name);

// True for the directories that hold relation files: "global", "base/5",
// "pg_tblspc/16400/PG_15_202209061/5".
bool IsRelationDirectory(std::string_view path);

// "PG_15_202209061": the name of a major version's directory in a tablespace.
bool IsTablespaceVersionDirectory(std::string_view name);

// A number as PostgreSQL names files: no sign, no leading zero, 1 to 4294967295.
std::optional<uint32_t> ParseOid(std::string_view text);

// The block number of the file's first page within its fork; nothing when no block has that number.
std::optional<uint32_t> FirstBlock(const RelationFile& file, uint32_t relseg_size_pages);

// The order of files in a backup: by path, byte by byte, but the segments of a fork one after
// another ("16384", "16384.2", "16384.10", "16384_fsm").
bool PathLess(std::string_view a, std::string_view b);

}  // namespace pgcairn::postgres
