#include "commands/logical_moment.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "commands/newest_backup.h"
#include "commands/open_cluster.h"
#include "repository/manifest/manifest_store.h"

namespace pgcairn::commands {
namespace {

struct BackupMoment {
  std::string id;
  Timestamp at;
};

// Those that have rows, oldest first by their ids.
Result<std::vector<BackupMoment>> ListMoments(const config::Settings& settings) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(*opened.cluster));
  std::vector<BackupMoment> moments;
  for (const std::string& id : ids) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(*opened.cluster, id);
    if (!stored.ok() && stored.code() != Code::kDamaged) return stored.error();
    if (!stored.ok() || stored->manifest.method() != format::Manifest::LOGICAL ||
        !HoldsRows(stored->manifest)) {
      continue;
    }
    moments.push_back({id, {stored->manifest.stop_time_us()}});
  }
  return moments;
}

std::string Named(const BackupMoment& backup) {
  return fmt::format("{} ({})", backup.id, backup.at.ToText());
}

std::string WayOn(const std::vector<std::string>& ids) {
  return fmt::format(
      "restore one of them: pgcairn restore --type=full --source={} --target-url=URL of an empty "
      "database, or --type=table --table=SCHEMA.NAME",
      fmt::join(ids, " or "));
}

}  // namespace

Error NoSuchMoment(const config::Settings& settings, const std::optional<Timestamp>& moment) {
  Result<std::vector<BackupMoment>> moments = ListMoments(settings);
  if (!moments.ok()) return moments.error();
  Error error{Code::kUnreachableTarget,
              "a database that is backed up through its connection can be restored as its backups "
              "have it, and not yet to a moment between them",
              ""};
  if (moments->empty()) {
    error.message += ", and it has no backup yet";
    error.hint = "take one: pgcairn backup";
    return error;
  }
  if (!moment) {
    error.message += "; the newest is " + Named(moments->back());
    error.hint = WayOn({moments->back().id});
    return error;
  }
  const BackupMoment* before = nullptr;
  const BackupMoment* after = nullptr;
  for (const BackupMoment& backup : *moments) {
    const bool is_before = backup.at <= *moment;
    if (is_before && (before == nullptr || before->at <= backup.at)) before = &backup;
    if (!is_before && (after == nullptr || backup.at < after->at)) after = &backup;
  }
  std::vector<std::string> ids;
  for (const BackupMoment* backup : {before, after}) {
    if (backup != nullptr) ids.push_back(backup->id);
  }
  error.message +=
      fmt::format("; the last one until {} is {}, the first one after it is {}", moment->ToText(),
                  before ? Named(*before) : "none", after ? Named(*after) : "none");
  error.hint = WayOn(ids);
  return error;
}

}  // namespace pgcairn::commands
