#include "commands/prune_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace pgcairn::commands {
namespace {

constexpr int64_t kGuardDayUs = int64_t{86'400} * 1'000'000;

Error ClocksDisagree(std::string message) {
  return {
      Code::kRefused, std::move(message) + "; nothing is deleted while clocks disagree",
      "let a time service set the clocks of all hosts (`timedatectl` shows whether one does). A "
      "backup that was made while a clock was ahead can be deleted by its name: pgcairn prune "
      "--backup=ID --dry-run"};
}

Status RefuseShare(size_t going, size_t all, int64_t share_max, std::string_view of) {
  if (going * 100 <= all * static_cast<size_t>(share_max)) return {};
  return Error{
      Code::kRefused,
      fmt::format("{} of {} {} would be deleted, more than {} percent", going, all, of, share_max),
      "look at `pgcairn prune --dry-run`; if that is what you want, run it once with "
      "--max-share=100, or set prune.max_share"};
}

}  // namespace

Status GuardClocks(const std::vector<BackupFacts>& backups, Timestamp host, Timestamp storage) {
  if (std::abs(host.unix_us - storage.unix_us) > kGuardDayUs) {
    return ClocksDisagree(fmt::format("it is {} by this host's clock and {} by the storage's",
                                      host.ToText(), storage.ToText()));
  }
  const Timestamp now = std::min(host, storage);
  for (const BackupFacts& backup : backups) {
    Timestamp at = std::max(backup.started_at, backup.stopped_at);
    if (at.unix_us - now.unix_us <= kGuardDayUs) continue;
    return ClocksDisagree(
        fmt::format("the backup {} is of {}, and it is {}", backup.id, at.ToText(), now.ToText()));
  }
  return {};
}

Status GuardShare(const std::vector<BackupFacts>& backups, size_t all,
                  const std::vector<std::string>& going, int64_t share_max) {
  RETURN_IF_ERROR(RefuseShare(going.size(), all, share_max, "backups"));
  size_t rowless = 0;
  size_t rowless_going = 0;
  for (const BackupFacts& backup : backups) {
    if (!backup.schema_only) continue;
    ++rowless;
    if (std::ranges::find(going, backup.id) != going.end()) ++rowless_going;
  }
  return RefuseShare(going.size() - rowless_going, all - rowless, share_max,
                     "backups that hold rows");
}

Status GuardLastGood(const std::vector<BackupFacts>& backups,
                     const std::vector<std::string>& going) {
  for (bool logical : {false, true}) {
    std::string_view newest;
    for (const BackupFacts& backup : backups) {
      // Definitions alone are no backup to fall back on.
      if (backup.database.has_value() != logical || backup.schema_only || !backup.good) continue;
      newest = std::max<std::string_view>(newest, backup.id);
    }
    if (newest.empty() || !std::ranges::binary_search(going, newest)) continue;
    return Error{
        Code::kRefused,
        fmt::format("{} is the newest good {}backup: it stays", newest, logical ? "logical " : ""),
        logical ? "take a new logical backup first" : "take a new backup first: pgcairn backup"};
  }
  return {};
}

}  // namespace pgcairn::commands
