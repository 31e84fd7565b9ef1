#include "postgres/backup_exclusions.h"

#include <algorithm>
#include <iterator>

namespace pgcairn::postgres {
namespace {

constexpr std::string_view kContentLeftOut[] = {
    "pg_dynshmem", "pg_notify",   "pg_replslot", "pg_serial",        "pg_snapshots",
    "pg_stat_tmp", "pg_subtrans", "pg_wal",      "pg_wal/summaries", "pg_wal/archive_status",
};

// At the top of the data directory only: elsewhere the same name is somebody's own file.
constexpr std::string_view kTopFilesLeftOut[] = {
    "backup_label",        "backup_label.old",     "backup_manifest",
    "backup_manifest.tmp", "current_logfiles.tmp", "fallback_promote",
    "logrotate",           kRestoreMarkerName,     "postgresql.auto.conf.tmp",
    "postmaster.opts",     "postmaster.pid",       "promote",
    "tablespace_map",      "tablespace_map.old",
};

constexpr std::string_view kTemporaryPrefix = "pgsql_tmp";
constexpr std::string_view kRelationCachePrefix = "pg_internal.init";
constexpr std::string_view kOwnTemporary = ".pgcairn-tmp.";

template <size_t N>
bool Contains(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string_view LastComponent(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

bool IsContentLeftOut(std::string_view directory) { return Contains(kContentLeftOut, directory); }

bool IsFileLeftOut(std::string_view path) {
  std::string_view name = LastComponent(path);
  if (name.starts_with(kTemporaryPrefix) || name.starts_with(kRelationCachePrefix)) return true;
  if (name.find(kOwnTemporary) != std::string_view::npos) return true;
  bool at_top = name.size() == path.size();
  return at_top && (name.ends_with(".signal") || Contains(kTopFilesLeftOut, name));
}

bool IsDirectoryLeftOut(std::string_view path) {
  std::string_view name = LastComponent(path);
  return name.starts_with(kTemporaryPrefix) || name == "lost+found";
}

}  // namespace pgcairn::postgres
