#include "commands/restore.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "commands/delta_check.h"
#include "commands/reading_lease.h"
#include "commands/replayed_tablespaces.h"
#include "commands/restore_marker.h"
#include "commands/restore_run.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/shell_quoting.h"

namespace pgcairn::commands {
namespace {

std::string DefaultTarget(const config::Settings& settings, const format::Manifest& manifest) {
  if (!settings.cluster.data_directory.empty()) return settings.cluster.data_directory;
  return manifest.data_directory();
}

std::string BinDirectory(const config::Settings& settings, const format::Manifest& manifest) {
  if (!settings.cluster.bin_dir.empty()) return settings.cluster.bin_dir;
  return fmt::format("/usr/lib/postgresql/{}/bin", manifest.server_version_num() / 10000);
}

// Where a configuration file of the origin is now; empty when the backup does not hold it.
std::string Relocated(const std::string& original, const format::Manifest& manifest,
                      const RestorePlaces& places) {
  std::string origin = AbsolutePath(manifest.data_directory(), "/");
  std::string path = AbsolutePath(original, "/");
  if (path.starts_with(origin + "/")) return places.data_directory + path.substr(origin.size());
  std::string outside = places.config_directory + path;
  return Exists(outside) ? outside : "";
}

// Settings for the server's command line, so that it reads the restored configuration and not what
// lies at the origin's paths; empty when the data directory holds all of it.
std::string ConfigurationOptions(const format::Manifest& manifest, const RestorePlaces& places) {
  auto is_outside = [&](const std::string& moved) {
    return moved.starts_with(places.config_directory + "/");
  };
  const std::string config = Relocated(manifest.config_file(), manifest, places);
  // A main file from outside may name the other files and the directory by the origin's paths, and
  // a pid file that is the origin's too.
  const bool all = is_outside(config);
  std::string options;
  auto set = [&](std::string_view name, const std::string& value) {
    options += fmt::format("{}-c {}={}", options.empty() ? "" : " ", name, QuoteForShell(value));
  };
  if (all) {
    set("config_file", config);
    set("data_directory", places.data_directory);
    set("external_pid_file", "");
  }
  const std::string hba = Relocated(manifest.hba_file(), manifest, places);
  if (!hba.empty() && (all || is_outside(hba))) set("hba_file", hba);
  const std::string ident = Relocated(manifest.ident_file(), manifest, places);
  if (!ident.empty() && (all || is_outside(ident))) set("ident_file", ident);
  return options;
}

std::vector<std::string> NextCommands(const config::Settings& settings,
                                      const format::Manifest& manifest, const RestorePlaces& places,
                                      const std::vector<std::string>& config_files) {
  std::vector<std::string> commands;
  const std::string program = QuoteForShell(BinDirectory(settings, manifest) + "/pg_ctl");
  const std::string data = QuoteForShell(places.data_directory);
  const std::string log = QuoteForShell(places.data_directory + ".log");
  // pg_ctl puts directory and log between double quotes of a second command line, where a shell
  // expands them: such names are kept from it. Source: start_postmaster in src/bin/pg_ctl/pg_ctl.c.
  const bool expands = places.data_directory.find_first_of("$`\"\\") != std::string::npos;
  std::string start = expands ? fmt::format("PGDATA={} {} -w", data, program)
                              : fmt::format("{} -D {} -l {} -w", program, data, log);
  if (!config_files.empty()) {
    commands.push_back(fmt::format("find {} -type f  # configuration from outside the directory",
                                   QuoteForShell(places.config_directory)));
    std::string options = ConfigurationOptions(manifest, places);
    if (!options.empty()) start += " -o " + QuoteForShell(options);
  }
  commands.push_back(start + " start" + (expands ? fmt::format(" >> {} 2>&1", log) : ""));
  return commands;
}

Error LeftIncomplete(Error error, const RestorePlaces& places) {
  // It comes before the first byte is written.
  if (!HasRestoreMarker(places.data_directory)) return error;
  error.hint += fmt::format(
      "{}what was written to {} until then is incomplete and no server starts there: `restore "
      "--delta` goes on from there",
      error.hint.empty() ? "" : "; ", places.data_directory);
  return error;
}

struct Target {
  Existing existing = Existing::kRefuse;
  UniqueFd lock;
};

// Checks and locks the data directory; makes it when it is absent.
Result<Target> PrepareTarget(const format::Manifest& manifest, const RestorePlaces& places,
                             bool delta) {
  Target target;
  std::error_code error;
  if (delta && std::filesystem::is_directory(places.data_directory, error)) {
    // Before anything is looked at: another restore would change it.
    ASSIGN_OR_RETURN(target.lock, LockForRestore(places.data_directory));
    ASSIGN_OR_RETURN(bool anything, CheckDeltaTarget(manifest, places));
    if (anything) target.existing = Existing::kReuse;
  }
  if (target.existing == Existing::kRefuse)
    RETURN_IF_ERROR(PreparePlaces(manifest, places, manifest.stream_bytes()));
  if (!target.lock.valid()) {
    ASSIGN_OR_RETURN(target.lock, LockForRestore(places.data_directory));
  }
  return target;
}

}  // namespace

Result<RestoreReport> Restore(const config::Settings& settings, const RestoreOptions& options) {
  const double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(RecoveryPlan plan,
                   PlanRecovery(*opened.cluster, options.target, options.source));
  ASSIGN_OR_RETURN(ReadingLease lease, ReadingLease::Take(*opened.cluster, format::Lease::RESTORE,
                                                          plan.manifest.backup_id()));
  for (const std::string& line : plan.explanation) LogInfo("{}", line);
  std::string directory = options.target_directory.empty() ? DefaultTarget(settings, plan.manifest)
                                                           : options.target_directory;
  ASSIGN_OR_RETURN(RestorePlaces places,
                   ChoosePlaces(plan.manifest, directory, options.tablespace_map));
  ASSIGN_OR_RETURN(Target target, PrepareTarget(plan.manifest, places, options.delta));
  RETURN_IF_ERROR(PrepareReplayedTablespaces(plan.replayed_tablespaces, plan.manifest, places));
  Result<WrittenDirectory> written =
      WriteRestoredDirectory(settings, *opened.cluster, plan, places, options, target.existing);
  if (!written.ok()) return LeftIncomplete(written.error(), places);

  RestoreReport report = BeginReport(plan, places, *written, *opened.requests);
  report.seconds = MonotonicSeconds() - began;
  report.archives = options.keep_archive_mode;
  report.next_commands = NextCommands(settings, plan.manifest, places, written->files.config_files);
  return report;
}

}  // namespace pgcairn::commands
