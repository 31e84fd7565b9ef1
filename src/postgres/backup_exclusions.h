// What PostgreSQL makes anew at its start, so that no backup needs it.
//
// Source: src/backend/backup/basebackup.c (excludeDirContents, excludeFiles), xlog.h and
// xlogrecovery.h (the signal files and backup_label), storage/fd.h (pgsql_tmp).
#pragma once

#include <string_view>

namespace pgcairn::postgres {

// The note of a restore that goes on or was interrupted (commands/restore_marker.h).
inline constexpr std::string_view kRestoreMarkerName = "pgcairn.restoring";

// Paths are relative to the data directory.

// The directory itself is part of a backup, what lies in it is not: "pg_wal", "pg_replslot", ...
bool IsContentLeftOut(std::string_view directory);

// The file is left out wherever a backup meets it: "postmaster.pid", "base/5/pg_internal.init",
// "recovery.signal", and what pgcairn itself was writing. Does not speak of relation files.
bool IsFileLeftOut(std::string_view path);

// The directory and all below it are left out: "base/pgsql_tmp", "lost+found".
bool IsDirectoryLeftOut(std::string_view path);

}  // namespace pgcairn::postgres
