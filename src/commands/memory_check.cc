#include "commands/memory_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <utility>

#include "commands/pruned.h"
#include "repository/manifest/manifest_store.h"
#include "repository/wal_store/wal_store.h"
#include "util/shell_quoting.h"

namespace pgcairn::commands {
namespace {

constexpr char kMemorySubject[] = "memory";
constexpr char kLost[] = "it was deleted, or the repository was put back to an older copy";

std::string WhenAccepted(const std::string& file) {
  return fmt::format("when the loss is understood and accepted, end this message: rm {}",
                     QuoteForShell(file));
}

Finding Unusable(const Error& error) {
  return {kMemorySubject, Severity::kWarning,
          "what this host remembers cannot be used: " + error.message, error.hint};
}

Finding JudgeBackup(const NewestMemory& memory, const repository::ClusterAccess& cluster,
                    const RememberedBackup& backup, const std::string& newest) {
  Status found = LookForBackup(cluster, backup);
  if (found.ok()) {
    return {kMemorySubject, Severity::kOk,
            fmt::format("the newest backup that this host saw stored, {}, is in the repository",
                        backup.backup_id),
            ""};
  }
  if (found.code() == Code::kNotFound) {
    if (std::optional<format::Deletion> pruned = PrunedBackup(cluster, backup.backup_id)) {
      return {
          kMemorySubject, Severity::kOk,
          fmt::format("the newest backup that this host saw stored, {}, was deleted on purpose: "
                      "the prune {} on {} recorded it on {}",
                      backup.backup_id, pruned->prune_id(), pruned->host(),
                      Timestamp{pruned->at_us()}.ToText()),
          ""};
    }
    return {kMemorySubject, Severity::kError,
            fmt::format("the backup {}, which this host saw stored on {}, is not in the "
                        "repository: {}. The newest that is there: {}",
                        backup.backup_id, backup.noted_at.ToText(), kLost, newest),
            "look for a newer copy of the repository and put that one back if there is one; "
            "otherwise run `pgcairn verify --all`, then `pgcairn backup`; " +
                WhenAccepted(memory.backups_file())};
  }
  if (found.code() == Code::kRefused) {
    return {kMemorySubject, Severity::kError, found.error().message,
            "somebody who has a key of this cluster wrote it, or the log folder is another "
            "host's; run `pgcairn verify --all` and find out; " +
                WhenAccepted(memory.backups_file())};
  }
  return {kMemorySubject, Severity::kError, found.error().message,
          "`pgcairn verify --all` says more"};
}

std::vector<Finding> NothingRemembered(const NewestMemory& memory,
                                       const std::vector<std::string>& ids) {
  std::vector<std::string> others = memory.BackupsFilesOfOthers();
  if (!others.empty()) {
    return {{kMemorySubject, Severity::kWarning,
             fmt::format("this host remembers no backup of this repository, but of another one "
                         "with a cluster of the same name: {}",
                         fmt::join(others, ", ")),
             "if you made a new repository on purpose, run `pgcairn backup`; otherwise see whether "
             "the right disk is mounted and storage.local_path names it"}};
  }
  if (ids.empty()) return {};
  return {{kMemorySubject, Severity::kWarning,
           fmt::format("this host remembers no backup of this repository, which has {}, the newest "
                       "{}: it could not tell if newer ones were lost",
                       ids.size(), ids.back()),
           "compare with what you noted elsewhere; what this host stores from now on is "
           "remembered if it can write to storage.log_path"}};
}

std::vector<Finding> CheckBackups(const NewestMemory& memory,
                                  const repository::ClusterAccess& cluster) {
  // Read before the repository: what is remembered was stored before.
  Result<std::vector<RememberedBackup>> remembered = memory.Backups();
  Result<std::vector<std::string>> ids = repository::ListBackupIds(cluster);
  if (!ids.ok()) return {{kMemorySubject, Severity::kError, ids.error().message, ids.error().hint}};
  if (!remembered.ok()) {
    if (remembered.code() != Code::kNotFound) return {Unusable(remembered.error())};
    return NothingRemembered(memory, *ids);
  }
  std::vector<Finding> findings;
  for (const RememberedBackup& backup : *remembered) {
    Finding finding =
        JudgeBackup(memory, cluster, backup, ids->empty() ? "none" : std::string(ids->back()));
    // Older ones that have come back are no news.
    bool newest = &backup == &remembered->back();
    if (newest || finding.severity != Severity::kOk) findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> CheckSegment(const NewestMemory& memory,
                                  const repository::ClusterAccess& cluster) {
  Result<RememberedSegment> remembered = memory.Segment();
  if (!remembered.ok()) {
    if (remembered.code() != Code::kNotFound) return {Unusable(remembered.error())};
    return {};
  }
  repository::WalStore wal(cluster, remembered->system_identifier);
  Status found = wal.ReadIdentity(remembered->name).status();
  if (found.ok()) {
    return {{kMemorySubject, Severity::kOk,
             fmt::format("the newest WAL segment that this host archived, {}, is in the repository",
                         remembered->name),
             ""}};
  }
  if (found.code() == Code::kNotFound) {
    std::optional<format::Deletion> pruned =
        PrunedSegment(cluster, remembered->system_identifier, remembered->name);
    if (pruned) {
      return {{kMemorySubject, Severity::kOk,
               fmt::format("the newest WAL segment that this host archived, {}, was deleted on "
                           "purpose: the prune {} on {} recorded it on {}",
                           remembered->name, pruned->prune_id(), pruned->host(),
                           Timestamp{pruned->at_us()}.ToText()),
               ""}};
    }
  }
  if (found.code() != Code::kNotFound) {
    return {{kMemorySubject, Severity::kError, found.error().message,
             "`pgcairn verify --all` says more"}};
  }
  return {{kMemorySubject, Severity::kError,
           fmt::format("the WAL segment {}, which this host archived on {}, is not in the "
                       "repository: {}",
                       remembered->name, remembered->noted_at.ToText(), kLost),
           "look for a newer copy of the repository and put that one back if there is one; if the "
           "server's pg_wal still has the segment, `pgcairn wal push` stores it again; otherwise "
           "run `pgcairn backup`, for nothing after the gap can be restored until then; " +
               WhenAccepted(memory.segment_file())}};
}

}  // namespace

std::vector<Finding> CheckMemory(const NewestMemory& memory,
                                 const repository::ClusterAccess& cluster) {
  std::vector<Finding> findings = CheckBackups(memory, cluster);
  for (Finding& finding : CheckSegment(memory, cluster)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace pgcairn::commands
