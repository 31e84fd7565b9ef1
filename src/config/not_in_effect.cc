#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/settings.h"

namespace pgcairn::config {
namespace {

struct Part {
  // The keys of one feature; all begin with it.
  std::string_view prefix;
  std::string_view reason;
};

constexpr Part kParts[] = {
    {"schedules.", "pgcairn does not start runs by itself yet; start them with cron or a timer"},
    {"policies.wal_files.archive_after_days",
     "there is no cheaper storage to move WAL to; it stays where it is until it is deleted"},
    {"storage.offsite_enabled",
     "no copy goes off-site yet; copy the repository to another place yourself"},
    {"monitoring.", "nothing watches and nobody is notified yet; watch the exit codes"},
    {"NOTIFICATION_EMAIL", "no mail is sent yet; watch the exit codes"},
    {"SUPABASE_PROJECT_ID", "nothing needs the project's name yet; the connection says it all"},
};

}  // namespace

std::vector<std::string> KeysNotInEffect(const Settings& settings) {
  std::vector<std::string> lines;
  for (const Part& part : kParts) {
    std::vector<std::string> keys;
    for (const auto& [key, source] : settings.sources) {
      if (!key.starts_with(part.prefix)) continue;
      // Every backup looks at it, whoever starts it.
      if (key == "schedules.verification") continue;
      // Switched off, it does what it says.
      if (key == "storage.offsite_enabled" && !settings.storage.offsite_enabled) continue;
      keys.push_back(key);
    }
    if (!keys.empty()) lines.push_back(fmt::format("{}: {}", fmt::join(keys, ", "), part.reason));
  }
  return lines;
}

}  // namespace pgcairn::config
