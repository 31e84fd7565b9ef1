// Goes on from a backup that ended before its manifest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/backup_base.h"
#include "repository/cluster_access.h"
#include "repository/prune/trash.h"
#include "util/result.h"

namespace pgcairn::commands {

struct ResumeTerms {
  const repository::ClusterAccess& cluster;
  const std::string& run_id;                  // of the run that goes on; its lease is written
  const repository::TrashedObjects& trashed;  // as read after that
  uint64_t system_identifier = 0;
};

struct ResumedRun {
  std::string run_id;        // that ended
  uint32_t checkpoints = 0;  // that now bear the new run's id
  // Packs that the earlier run, or the ones before it, stored and that can be used.
  std::vector<crypto::Sha256Digest> packs;
};

// Gives up on the newest run whose checkpoints fit, takes them over under the new run's id, and
// adds what they say to `base`. Nothing when there is none: its process may still go on, its base
// is another one, or it belongs to another PostgreSQL cluster. A full backup takes over only what
// the earlier run stored itself. Packs that a prune means to delete or that are gone count as lost,
// and the checkpoints that are taken over name them no more. Checkpoints that cannot be read are
// passed over with a warning. Errors are those of the storage: the earlier run may be given up by
// then and `base` filled by half, so that the new run must end.
Result<std::optional<ResumedRun>> ResumeEarlierRun(const ResumeTerms& terms, BackupBase& base);

}  // namespace pgcairn::commands
