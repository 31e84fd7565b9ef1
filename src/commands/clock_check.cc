#include "commands/clock_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "commands/open_cluster.h"
#include "postgres/connection_cells.h"
#include "repository/manifest/manifest_store.h"
#include "repository/wal_store/wal_store.h"
#include "storage/probe.h"
#include "util/progress.h"

namespace pgcairn::commands {
namespace {

Severity SeverityOf(int64_t off_us) {
  if (std::abs(off_us) <= kClockToleranceUs) return Severity::kOk;
  return std::abs(off_us) <= kClockErrorUs ? Severity::kWarning : Severity::kError;
}

std::string Length(int64_t us) {
  constexpr double kDaySeconds = 86'400;
  double seconds = static_cast<double>(std::abs(us)) / 1'000'000;
  if (seconds < 2 * kDaySeconds) return FormatDuration(seconds);
  return fmt::format("{:.0f} days", seconds / kDaySeconds);
}

Result<std::optional<Finding>> JudgeNewestBackup(const repository::ClusterAccess& cluster,
                                                 Timestamp now) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  if (ids.empty()) return std::optional<Finding>();
  Result<repository::StoredManifest> newest = repository::ReadManifest(cluster, ids.back());
  if (!newest.ok()) return std::optional<Finding>();
  Timestamp latest{std::max(newest->manifest.stop_time_us(), newest->manifest.finished_at_us())};
  return JudgeMoment(fmt::format("the newest backup, {}, ended on", ids.back()), latest, now);
}

Result<std::optional<Finding>> JudgeNewestSegment(const repository::ClusterAccess& cluster,
                                                  Timestamp now) {
  // Of a server at rest the last ones hold no transaction.
  constexpr size_t kSegmentsMax = 64;
  ASSIGN_OR_RETURN(format::ClusterHistory system, CurrentSystem(cluster));
  repository::WalStore wal(cluster, system.system_identifier());
  ASSIGN_OR_RETURN(std::vector<std::string> names, wal.ListSegments());
  size_t oldest = names.size() - std::min(names.size(), kSegmentsMax);
  for (size_t i = names.size(); i > oldest; --i) {
    Result<format::WalInfo> info = wal.ReadInfo(names[i - 1]);
    if (!info.ok() || !info->summary().has_max_time_us()) continue;
    return JudgeMoment(
        fmt::format("the archived segment {} holds a transaction that ended on", names[i - 1]),
        Timestamp{info->summary().max_time_us()}, now);
  }
  return std::optional<Finding>();
}

}  // namespace

int64_t ClockReading::AheadUs() const {
  if (shown > after) return shown.unix_us - after.unix_us;
  if (shown < before) return shown.unix_us - before.unix_us;
  return 0;
}

Result<ClockReading> ReadServerClock(postgres::Connection& connection) {
  ClockReading reading;
  reading.whose = "the server's clock";
  reading.before = Timestamp::Now();
  auto answer = connection
                    .QueryCell(
                        "SELECT (pg_catalog.date_part('epoch', "
                        "pg_catalog.clock_timestamp()) * 1000000)::bigint")
                    .Context("asking for the server's time");
  reading.after = Timestamp::Now();
  ASSIGN_OR_RETURN(std::string text, std::move(answer));
  ASSIGN_OR_RETURN(reading.shown.unix_us, postgres::NumberCell<int64_t>(text, "the server's time"));
  return reading;
}

Result<ClockReading> ReadStorageClock(storage::Storage& storage) {
  ClockReading reading;
  reading.whose = "the clock of the storage, " + storage.Describe() + ",";
  reading.before = Timestamp::Now();
  ASSIGN_OR_RETURN(reading.shown, storage::ReadTime(storage));
  reading.after = Timestamp::Now();
  return reading;
}

Finding JudgeClock(const ClockReading& reading) {
  int64_t ahead_us = reading.AheadUs();
  Severity severity = SeverityOf(ahead_us);
  if (severity == Severity::kOk) {
    return {"clock", severity, fmt::format("{} agrees with this host's", reading.whose), ""};
  }
  return {"clock", severity,
          fmt::format("{} is {} {} this host's: it says {}", reading.whose, Length(ahead_us),
                      ahead_us > 0 ? "ahead of" : "behind", reading.shown.ToText()),
          "let a time service set the clocks of all hosts (`timedatectl` shows whether one does); "
          "until then times given to `restore` can mean another moment than you think"};
}

std::optional<Finding> JudgeMoment(const std::string& what, Timestamp at, Timestamp now) {
  int64_t ahead_us = at.unix_us - now.unix_us;
  if (ahead_us <= kClockToleranceUs) return std::nullopt;
  return Finding{
      "clock", SeverityOf(ahead_us),
      fmt::format("{} {}, {} ahead of this host's clock", what, at.ToText(), Length(ahead_us)),
      fmt::format("it is {} by this host's clock. If that is wrong, set it. If it is right, the "
                  "server's was wrong then: take a new backup now, and restore what was written "
                  "in between by --lsn or --xid, not by --timestamp",
                  now.ToText())};
}

Result<std::vector<Finding>> FindWhatLiesAhead(const repository::ClusterAccess& cluster,
                                               Timestamp now) {
  std::vector<Finding> findings;
  ASSIGN_OR_RETURN(std::optional<Finding> backup, JudgeNewestBackup(cluster, now));
  if (backup) findings.push_back(std::move(*backup));
  ASSIGN_OR_RETURN(std::optional<Finding> segment, JudgeNewestSegment(cluster, now));
  if (segment) findings.push_back(std::move(*segment));
  return findings;
}

}  // namespace pgcairn::commands
