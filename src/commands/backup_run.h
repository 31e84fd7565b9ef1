// What every backup does, of files or of rows: takes an id and a lease, stores so that it can be
// taken back, keeps out of other backups' way, and clears away when it ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "commands/backup_base.h"
#include "commands/open_cluster.h"
#include "commands/unfinished_backup.h"
#include "config/settings.h"
#include "format/manifest.pb.h"
#include "format/runs.pb.h"
#include "repository/cluster_access.h"
#include "storage/discarding/discarding_storage.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct BackupRun {
  const config::Settings& settings;
  const bool test;       // nothing is to be kept
  OpenedCluster opened;  // its cluster stores through the one of the next two that is there
  std::unique_ptr<storage::DiscardingStorage> discarding = {};  // of a test
  std::unique_ptr<UnfinishedBackup> unfinished = {};            // otherwise
  Timestamp started = Timestamp::Now();
  std::string backup_id = {};  // from BeginRun on

  const repository::ClusterAccess& cluster() const { return *opened.cluster; }
};

// When the run ends, however it ends, removes its packs, unless it came to its manifest, and then
// its lease.
class BackupRunEnd {
 public:
  explicit BackupRunEnd(BackupRun& run) : run_(run) {}
  BackupRunEnd(const BackupRunEnd&) = delete;
  BackupRunEnd& operator=(const BackupRunEnd&) = delete;
  ~BackupRunEnd();

 private:
  BackupRun& run_;
};

// Takes an id and writes the lease; `wal` as LeaseTerms has it. With `wanted` the run is an
// incremental one: nothing to compare with makes a full backup of it, which the log says.
// kRefused: another backup of the cluster goes on.
Result<BackupBase> BeginRun(BackupRun& run, const std::optional<BaseWanted>& wanted,
                            const std::optional<format::WalNeed>& wal);

// What verify found damaged or missing is stored again.
Status ForgetDamagedPacks(const BackupRun& run, BackupBase& base);

// What runs that died left behind costs room until somebody clears it away; no backup fails for it.
void RemoveStaleTemporaries(const config::Settings& settings);

// The newest backup that can be read.
Status NamePredecessor(const repository::ClusterAccess& cluster, format::Manifest& manifest);

}  // namespace pgcairn::commands
