#include "commands/pruned.h"

#include <algorithm>

#include "repository/notes/note_store.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

template <typename Holds>
std::optional<format::Deletion> Find(const repository::ClusterAccess& cluster, Holds holds) {
  Result<repository::Deletions> deletions = repository::ReadDeletions(cluster);
  if (!deletions.ok()) {
    LogWarning("{}", deletions.error().message);
    return std::nullopt;
  }
  for (const std::string& message : deletions->unreadable) LogWarning("{}", message);
  for (const format::Deletion& record : deletions->records) {
    if (holds(record)) return record;
  }
  return std::nullopt;
}

}  // namespace

std::optional<format::Deletion> PrunedBackup(const repository::ClusterAccess& cluster,
                                             const std::string& backup_id) {
  return Find(cluster, [&](const format::Deletion& record) {
    return std::ranges::find(record.backup_ids(), backup_id) != record.backup_ids().end();
  });
}

std::optional<format::Deletion> PrunedSegment(const repository::ClusterAccess& cluster,
                                              uint64_t system_identifier, std::string_view name) {
  // Names of one timeline sort as the segments do.
  return Find(cluster, [&](const format::Deletion& record) {
    return std::ranges::any_of(record.wal(), [&](const format::DeletedSegments& run) {
      return run.system_identifier() == system_identifier && run.first() <= name &&
             name <= run.last();
    });
  });
}

}  // namespace pgcairn::commands
