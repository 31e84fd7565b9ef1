// What the repository holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/recovery_window.h"
#include "config/settings.h"
#include "format/manifest.pb.h"
#include "util/result.h"

namespace pgcairn::commands {

struct DamagedBackup {
  std::string backup_id;
  std::string problem;
};

struct ClusterList {
  std::string cluster;
  std::vector<format::Manifest> backups;  // oldest first
  std::vector<DamagedBackup> damaged;     // manifests that cannot be read
  ClusterWindows windows;
};

// The cluster of the settings. Errors: as OpenCluster.
Result<ClusterList> List(const config::Settings& settings);

// One backup; `id` as ResolveBackupId understands it.
Result<format::Manifest> Show(const config::Settings& settings, const std::string& id);

}  // namespace pgcairn::commands
