// The text that tells recovery where the links of pg_tblspc must point.
//
// A line per tablespace: its OID, one space, its directory. The server makes the links anew from it
// at the first start, so a restore to other directories writes a map with those.
// Source: do_pg_backup_start in src/backend/access/transam/xlog.c writes it, read_tablespace_map in
// xlogrecovery.c (xlog.c before 15) reads it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace pgcairn::postgres {

struct TablespaceMapEntry {
  uint32_t oid = 0;
  std::string path;
  friend bool operator==(const TablespaceMapEntry&, const TablespaceMapEntry&) = default;
};

// `server_major` is the server that wrote or will read the map: 13 escapes line ends only, later
// ones backslashes too. "" is a cluster without tablespaces.
// Errors: kDamaged; kUnsupported for a map of 13 in which a directory's name that ends with a
// backslash has run into the next line, or seems to have.
Result<std::vector<TablespaceMapEntry>> ParseTablespaceMap(std::string_view text, int server_major);

// Errors: kUsage for a path that is not absolute, too long for the server (with its OID, 1,022
// bytes), or on 13 ends with a backslash: the server would read another name.
Result<std::string> WriteTablespaceMap(const std::vector<TablespaceMapEntry>& entries,
                                       int server_major);

}  // namespace pgcairn::postgres
