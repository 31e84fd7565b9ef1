// What the repository holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands/recovery_window.h"
#include "config/settings.h"
#include "format/logical.pb.h"
#include "format/manifest.pb.h"
#include "repository/notes/note_store.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct DamagedBackup {
  std::string backup_id;
  std::string problem;
};

// What was said of a backup when it was made or later.
struct BackupRemarks {
  // Nothing: a note cannot be read, so nobody knows; it is kept as if it were pinned.
  std::optional<bool> pinned = false;
  std::string note;
  std::optional<Timestamp> verified_at;
  std::vector<std::string> unreadable;  // notes, one message each
};
BackupRemarks RemarksOn(const format::Manifest& manifest, const repository::BackupNotes& notes);

struct ClusterList {
  std::string cluster;
  std::vector<format::Manifest> backups;  // oldest first
  std::vector<BackupRemarks> remarks;     // of each of them
  std::vector<DamagedBackup> damaged;     // manifests that cannot be read
  ClusterWindows windows;
};

// The cluster of the settings. Errors: as OpenCluster.
Result<ClusterList> List(const config::Settings& settings);

struct ShownBackup {
  format::Manifest manifest;
  BackupRemarks remarks;
  // Of a logical backup what its rows are of; nothing when it cannot be read, and why.
  std::optional<format::LogicalCatalog> catalog;
  std::string catalog_problem;
};

// One backup; `id` as ResolveBackupId understands it.
Result<ShownBackup> Show(const config::Settings& settings, const std::string& id);

}  // namespace pgcairn::commands
