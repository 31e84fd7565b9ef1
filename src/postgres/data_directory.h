// What of a data directory belongs to a physical backup.
//
// Source: src/backend/backup/basebackup.c (sendDir, sendTablespace), storage/file/reinit.c
// (unlogged relations), backup_exclusions.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace pgcairn::postgres {

struct DataFile {
  // Relative to the data directory; inside tablespaces "pg_tblspc/<oid>/PG_...".
  std::string path;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;
  // Permission bits.
  uint32_t mode = 0;
  // Made of pages: ParseRelationPath(path) says of which relation.
  bool is_relation = false;
};

struct DataDirectoryEntry {
  // "." for the data directory itself. "pg_tblspc/<oid>" is the directory that the link names.
  std::string path;
  uint32_t mode = 0;
};

// A tablespace that lies elsewhere. In-place tablespaces are ordinary directories and not listed.
struct TablespaceLink {
  uint32_t oid = 0;
  // The text of the link pg_tblspc/<oid>, and ReadTablespaceLink() of it.
  std::string link_target;
  std::string location;
};

struct DataDirectoryListing {
  // In the order of PathLess(). Without global/pg_control, which is read by ReadControlFile() and
  // stored last.
  std::vector<DataFile> files;
  // By path, so that a directory comes before what it holds.
  std::vector<DataDirectoryEntry> directories;
  // By OID.
  std::vector<TablespaceLink> tablespaces;
  // For people and the manifest: what was left out or is stored in another form than it has, as
  // far as it is not the same in every cluster.
  std::vector<std::string> notes;
  uint64_t bytes_total = 0;
};

// Lists a data directory whose server may be running: what vanishes meanwhile is left out, and a
// file can have any length by the time it is read.
//
// `version_directory` is TablespaceVersionDirectory() of the cluster: in a tablespace nothing else
// is taken. Left out: contents that the server makes anew (backup_exclusions.h), temporary
// relations, every fork of an unlogged relation but its init fork, sockets and the like. A link to
// a file is stored as the file; pg_wal and other directories with contents that are left out may be
// links, and so may log and pg_log, which are then left out.
//
// Errors: kNotFound for the directory itself; kPermission naming what cannot be read; kRefused for
// a tablespace inside the data directory or inside another, one that is missing, and any other link
// to a directory; kStorage.
Result<DataDirectoryListing> ListDataDirectory(const std::string& data_directory,
                                               std::string_view version_directory);

// Where the link `path` of pg_tblspc leads: its text, and of a relative one (the server never makes
// any, but takes them) the real path that it stands for, whether that is there or not. kNotFound;
// kStorage for what is no link.
Result<std::string> ReadTablespaceLink(const std::string& path);

}  // namespace pgcairn::postgres
