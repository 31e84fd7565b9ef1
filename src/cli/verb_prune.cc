#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "cli/exit_codes.h"
#include "cli/verb.h"
#include "commands/prune.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

struct PruneArguments {
  bool dry_run = false;
  int64_t max_share = -1;
  std::vector<std::string> backups;
};

Json ToJson(const commands::WalReport& wal) {
  return {{"timeline", wal.verdict.range.timeline.value},
          {"system_identifier", std::to_string(wal.verdict.range.system.value)},
          {"first", wal.first},
          {"last", wal.last},
          {"segments", wal.verdict.segments},
          {"keep", wal.verdict.keep},
          {"reasons", wal.verdict.reasons}};
}

Json ToJson(const commands::PruneReport& report) {
  Json backups = Json::array();
  for (const commands::BackupVerdict& verdict : report.backups) {
    backups.push_back(
        {{"backup_id", verdict.id}, {"keep", verdict.keep}, {"reasons", verdict.reasons}});
  }
  Json wal = Json::array();
  for (const commands::WalReport& range : report.wal) wal.push_back(ToJson(range));
  auto time = [](const std::optional<Timestamp>& at) {
    return at ? Json(at->ToIso()) : Json(nullptr);
  };
  return {{"cluster", report.cluster},
          {"dry_run", report.dry_run},
          {"prune_id", report.dry_run ? Json(nullptr) : Json(report.prune_id)},
          {"reference", report.reference_id ? Json(*report.reference_id) : Json(nullptr)},
          {"reference_time", time(report.reference_time)},
          {"window_from", time(report.window_from)},
          {"backups", backups},
          {"wal", wal},
          {"packs", report.packs},
          {"pack_bytes", report.pack_bytes},
          {"orphan_packs", report.orphan_packs},
          {"orphan_bytes", report.orphan_bytes},
          {"orphans_left", report.orphans_left},
          {"wal_files", report.wal_files},
          {"wal_bytes", report.wal_bytes},
          {"spared_wal_files", report.spared_wal_files},
          {"given_up", report.given_up},
          {"refusals", report.refusals},
          {"remarks", report.remarks},
          {"seconds", report.seconds}};
}

void PrintVerdicts(const commands::PruneReport& report) {
  const char* goes = report.dry_run ? "would go" : "deleted";
  for (const commands::BackupVerdict& verdict : report.backups) {
    fmt::print("  {}  {:<9} {}\n", verdict.id, verdict.keep ? "stays" : goes,
               fmt::join(verdict.reasons, "; "));
  }
  if (!report.wal.empty()) fmt::print("\nArchived WAL\n\n");
  for (const commands::WalReport& wal : report.wal) {
    fmt::print("  {} to {}  {:>6} segments  {:<9} {}\n", wal.first, wal.last, wal.verdict.segments,
               wal.verdict.keep ? "stay" : goes, fmt::join(wal.verdict.reasons, "; "));
  }
}

void PrintText(const commands::PruneReport& report) {
  fmt::print("Cluster {}\n\n", report.cluster);
  if (report.reference_id) {
    fmt::print("Ages count back from {}, the backup {}\n\n", report.reference_time->ToText(),
               *report.reference_id);
  }
  PrintVerdicts(report);
  if (report.window_from) {
    fmt::print("\nEvery moment from {} on that can be restored now can be restored then\n",
               report.window_from->ToText());
  }
  fmt::print("\n{}: {} packs ({}), {} packs of no backup ({}), {} WAL files ({})\n",
             report.dry_run ? "Would be deleted" : "Deleted", report.packs,
             FormatBytes(report.pack_bytes), report.orphan_packs, FormatBytes(report.orphan_bytes),
             report.wal_files, FormatBytes(report.wal_bytes));
  if (report.orphans_left > 0) {
    fmt::print("{} packs belong to no backup and stay: a run that goes on may need them\n",
               report.orphans_left);
  }
  if (report.spared_wal_files > 0) {
    fmt::print("{} WAL files stay because a run that goes on or a new backup needs them\n",
               report.spared_wal_files);
  }
  for (const std::string& run : report.given_up) fmt::print("Given up: {}\n", run);
  for (const std::string& remark : report.remarks) fmt::print("Note: {}\n", remark);
  for (const std::string& refusal : report.refusals) {
    fmt::print("Without --dry-run this would be refused: {}\n", refusal);
  }
}

int RunPrune(const GlobalOptions& globals, const PruneArguments& arguments) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::PruneOptions options;
  options.dry_run = arguments.dry_run;
  if (arguments.max_share >= 0) options.max_share = arguments.max_share;
  options.backups = arguments.backups;
  Result<commands::PruneReport> report = commands::Prune(*settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ToJson(*report));
  } else {
    PrintText(*report);
  }
  return 0;
}

}  // namespace

void AddPrune(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("prune", "delete what no rule of retention keeps");
  auto arguments = std::make_shared<PruneArguments>();
  verb->add_flag("--dry-run", arguments->dry_run,
                 "delete nothing: say what would go and what stays, and why");
  verb->add_option("--max-share", arguments->max_share,
                   "percent of the backups that may go (default: prune.max_share)")
      ->check(CLI::Range(0, 100))
      ->type_name("PERCENT");
  verb->add_option("--backup", arguments->backups,
                   "delete this backup instead, whatever retention says of it; again for more")
      ->type_name("BACKUP");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) {
      return RunPrune(globals, *arguments);
    };
  });
}

}  // namespace pgcairn::cli
