// What forward compaction costs and saves in 400 days, for several shares. Started by
// bench/simulate-compaction; docs/compaction.md explains the table.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "repository/compaction/compaction.h"
#include "repository/testing/simulated_history.h"

namespace {

using pgcairn::repository::CompactionFactors;
using pgcairn::repository::kLiveShareMinDefault;
using pgcairn::repository::SimulateCompaction;
using pgcairn::repository::SimulatedLoad;
using pgcairn::repository::SimulatedRetention;
using pgcairn::repository::Spread;

using Numbers = std::vector<uint32_t>;

constexpr std::chrono::sys_days kFirstDay = std::chrono::January / 1 / 2026;

// The calendar periods of a day, counted from somewhere.
struct Periods {
  int64_t day;
  int64_t week;  // Monday to Sunday
  int64_t month;
  int64_t year;
};

Periods PeriodsOf(uint32_t days_since_first) {
  const std::chrono::sys_days day = kFirstDay + std::chrono::days{days_since_first};
  const std::chrono::year_month_day date{day};
  const int64_t number = day.time_since_epoch().count();
  const int year = static_cast<int>(date.year());
  // 1970-01-01 was a Thursday.
  return {number, (number + 3) / 7, int64_t{year} * 12 + static_cast<unsigned>(date.month()), year};
}

SimulatedRetention KeepSeven(uint32_t backups_a_day) {
  return {"keep 7", [=](uint32_t newest) {
            const uint32_t count = std::min(newest + 1, 7 * backups_a_day);
            Numbers kept(count);
            for (uint32_t i = 0; i < count; ++i) kept[i] = newest + 1 - count + i;
            return kept;
          }};
}

// As the configuration comes: every backup of 30 days, and the last of each of 7 days, 4 weeks, 12
// months and 5 years.
SimulatedRetention KeepAsConfigured(uint32_t backups_a_day) {
  return {"as configured", [=](uint32_t newest) {
            std::set<uint32_t> kept;
            std::set<int64_t> days;
            std::set<int64_t> weeks;
            std::set<int64_t> months;
            std::set<int64_t> years;
            auto first_of = [](std::set<int64_t>& seen, int64_t period, size_t count) {
              return seen.size() < count && seen.insert(period).second;
            };
            for (uint32_t age = 0; age <= newest; ++age) {
              const uint32_t backup = newest - age;
              const Periods periods = PeriodsOf(backup / backups_a_day);
              const bool keep[] = {age < 30 * backups_a_day, first_of(days, periods.day, 7),
                                   first_of(weeks, periods.week, 4),
                                   first_of(months, periods.month, 12),
                                   first_of(years, periods.year, 5)};
              if (std::find(std::begin(keep), std::end(keep), true) != std::end(keep)) {
                kept.insert(backup);
              }
            }
            return Numbers(kept.begin(), kept.end());
          }};
}

std::string Text(const Spread& spread) {
  return fmt::format("{:.2f} ({:.2f})", spread.mean, spread.max);
}

void PrintTable(const SimulatedLoad& load, const std::vector<double>& shares) {
  const std::vector<SimulatedRetention> retentions = {KeepSeven(load.backups_a_day),
                                                      KeepAsConfigured(load.backups_a_day)};
  fmt::print(
      "{} days, {} incremental backups a day after one full backup; {} pages of {} stored bytes,\n"
      "{} % of them updated at random each day; packs of {} MiB\n\n",
      load.days, load.backups_a_day, load.pages, load.page_stored_bytes,
      100 * load.updated_share_a_day, static_cast<double>(load.pack_bytes) / (1 << 20));
  fmt::print(
      "| t | written / changed | packs / live | restore read / live | stored / live, keep 7 | "
      "stored / live, as configured | packs |\n|---|---|---|---|---|---|---|\n");
  for (double share : shares) {
    const CompactionFactors factors = SimulateCompaction(load, share, retentions);
    fmt::print("| {:.2f} | {:.2f} | {} | {} | {} | {} | {} |\n", share, factors.written_per_changed,
               Text(factors.packs_per_live), Text(factors.read_per_live),
               Text(factors.stored_per_live[0]), Text(factors.stored_per_live[1]), factors.packs);
    std::fflush(stdout);
  }
  fmt::print("\nMeans over all backups, in brackets the greatest.\n");
}

}  // namespace

int main(int argc, char** argv) {
  SimulatedLoad load;
  load.pages = 1'000'000;
  std::vector<double> shares = {0, 0.3, 0.4, kLiveShareMinDefault, 0.6, 0.7};
  CLI::App app("Simulates forward compaction");
  app.add_option("--days", load.days)->check(CLI::Range(2, 4000));
  app.add_option("--backups-a-day", load.backups_a_day)->check(CLI::Range(1, 96));
  app.add_option("--pages", load.pages)->check(CLI::Range(1'000, 100'000'000));
  app.add_option("--updated-share", load.updated_share_a_day, "of the pages, a day")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--page-bytes", load.page_stored_bytes, "stored, of each page")
      ->check(CLI::Range(64, 8192));
  app.add_option("--live-share-min", shares, "t; several with commas between")->delimiter(',');
  app.add_option("--seed", load.seed);
  CLI11_PARSE(app, argc, argv);
  PrintTable(load, shares);
  return 0;
}
