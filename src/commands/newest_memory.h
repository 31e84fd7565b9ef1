// What this host remembers of a repository: the newest backup and the newest WAL segment that were
// stored while it watched.
//
// Storage can lose its newest objects, and it can be put back to a state that was true once:
// nothing in it shows that. `check` compares it with these two files in the log folder, which is
// the one place of the host that every run may write to (docs/configuration.md,
// docs/threat-model.md). They are a memory and no safety object: losing them loses the comparison,
// and whatever goes wrong with them stops nothing.
//
// Any number of processes, one thread of each, may read and take note at once. A backup committed
// while another one is may be forgotten for that other one; a segment may be forgotten for an older
// one until the next is archived.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "crypto/sha256.h"
#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RememberedBackup {
  std::string backup_id;
  crypto::Sha256Digest manifest_sha256;  // of the stored object
  Timestamp noted_at;
};

struct RememberedSegment {
  uint64_t system_identifier = 0;
  std::string name;
  Timestamp noted_at;
};

// kNotFound: the repository has no such backup (proven). kRefused: another manifest has that id.
// Other errors: it cannot be told. pruned.h says of one that is not found whether
// it was to go.
Status LookForBackup(const repository::ClusterAccess& cluster, const RememberedBackup& backup);

// The two files of one cluster of one repository.
class NewestMemory {
 public:
  // `folder` must exist when something is noted; nothing is touched before.
  NewestMemory(const std::string& folder, const repository::RepositoryId& repository,
               const std::string& cluster);
  static NewestMemory Of(const config::Settings& settings,
                         const repository::ClusterAccess& cluster);

  const std::string& backups_file() const { return backups_file_; }
  const std::string& segment_file() const { return segment_file_; }

  // The newest comes last. Before it come those that were the newest once and were gone from the
  // repository when the next was noted: until somebody deletes the file. kNotFound: nothing is
  // remembered. kDamaged, kPermission, kStorage: the file cannot be used.
  Result<std::vector<RememberedBackup>> Backups() const;
  // kNotFound: nothing is remembered. Others as above.
  Result<RememberedSegment> Segment() const;

  // The files of backups that this host remembers of other repositories with a cluster of that
  // name.
  std::vector<std::string> BackupsFilesOfOthers() const;

  // Notes a backup that was committed to `cluster`, durably and in one step. What is remembered and
  // not in the repository any more is kept, with a warning in the log.
  Status NoteBackup(const repository::ClusterAccess& cluster, const std::string& backup_id) const;
  // Notes a segment unless a later one of the same system is noted: one read and at most one write
  // of the page cache, for a lost note costs nothing and a sync costs archiving its speed.
  Status NoteSegment(uint64_t system_identifier, std::string_view name) const;

 private:
  std::string folder_;
  std::string cluster_;
  std::string backups_file_;
  std::string segment_file_;
};

// For `backup` and `wal push`, after the repository has acknowledged: a failure is a warning in the
// log. `name` may be any archived file; only whole segments are noted.
void RememberBackup(const config::Settings& settings, const repository::ClusterAccess& cluster,
                    const std::string& backup_id);
void RememberSegment(const config::Settings& settings, const repository::ClusterAccess& cluster,
                     uint64_t system_identifier, std::string_view name);

}  // namespace pgcairn::commands
