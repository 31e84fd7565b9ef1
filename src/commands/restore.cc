#include "commands/restore.h"

#include <fmt/format.h>

#include "commands/restore_run.h"
#include "util/clock.h"
#include "util/log.h"

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

// The path of a configuration file of the origin below TARGET.config, when it lies there.
std::string Relocated(const std::string& original, const format::Manifest& manifest,
                      const RestorePlaces& places) {
  if (original.starts_with(manifest.data_directory() + "/")) {
    return places.data_directory + original.substr(manifest.data_directory().size());
  }
  return places.config_directory + original;
}

std::vector<std::string> NextCommands(const config::Settings& settings,
                                      const format::Manifest& manifest,
                                      const RestorePlaces& places) {
  std::string start =
      fmt::format("{}/pg_ctl -D {} -l {}.log -w start", BinDirectory(settings, manifest),
                  places.data_directory, places.data_directory);
  if (HasOwnConfiguration(manifest)) return {start};
  std::string options =
      fmt::format(" -o \"-c config_file={} -c hba_file={} -c ident_file={} -c data_directory={}\"",
                  Relocated(manifest.config_file(), manifest, places),
                  Relocated(manifest.hba_file(), manifest, places),
                  Relocated(manifest.ident_file(), manifest, places), places.data_directory);
  return {fmt::format("less {}/  # the configuration that lay outside the data directory",
                      places.config_directory),
          start + options};
}

}  // namespace

Result<RestoreReport> Restore(const config::Settings& settings, const RestoreOptions& options) {
  const double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(RecoveryPlan plan,
                   PlanRecovery(*opened.cluster, options.target, options.source));
  for (const std::string& line : plan.explanation) LogInfo("{}", line);
  std::string directory = options.target_directory.empty() ? DefaultTarget(settings, plan.manifest)
                                                           : options.target_directory;
  ASSIGN_OR_RETURN(RestorePlaces places,
                   ChoosePlaces(plan.manifest, directory, options.tablespace_map));
  RETURN_IF_ERROR(PreparePlaces(plan.manifest, places));
  ASSIGN_OR_RETURN(RestoredFiles restored,
                   WriteRestoredDirectory(settings, *opened.cluster, plan, places, options));

  RestoreReport report;
  report.backup_id = plan.manifest.backup_id();
  report.data_directory = places.data_directory;
  if (!restored.config_files.empty()) report.config_directory = places.config_directory;
  report.timeline = plan.timeline.value;
  report.target = plan.target.Describe();
  report.explanation = plan.explanation;
  report.files = restored.files;
  report.bytes = restored.bytes;
  report.seconds = MonotonicSeconds() - began;
  report.next_commands = NextCommands(settings, plan.manifest, places);
  return report;
}

}  // namespace pgcairn::commands
