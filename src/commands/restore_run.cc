#include "commands/restore_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "commands/file_system_sync.h"
#include "postgres/control_file.h"
#include "postgres/tablespace_map.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kAutoConfBytesMax = uint64_t{16} * 1024 * 1024;
// Every file of a data directory may be read by the group when the directory is 0750.
mode_t FileMode(const format::Manifest& manifest) {
  return manifest.data_directory_mode() == 0750 ? 0640 : 0600;
}

Status WriteRecoverySettings(const config::Settings& settings, const RecoveryPlan& plan,
                             const RestorePlaces& places, const RestoreOptions& options) {
  std::string path = places.data_directory + "/postgresql.auto.conf";
  std::string old;
  Result<Bytes> read = ReadFile(path, kAutoConfBytesMax);
  if (read.ok()) {
    old = ToString(*read);
  } else if (read.code() != Code::kNotFound) {
    return read.status();
  }
  RecoverySettings recovery;
  ASSIGN_OR_RETURN(recovery.restore_command, WalCommand(settings, "fetch %f %p"));
  recovery.action = options.target_action;
  recovery.keep_archive_mode = options.keep_archive_mode;
  mode_t mode = FileMode(plan.manifest);
  RETURN_IF_ERROR(WriteFileDurably(path, AsBytes(RewriteAutoConf(old, plan, recovery)), mode));
  return WriteFileDurably(places.data_directory + "/recovery.signal", {}, mode);
}

Result<std::string> TablespaceMapText(const format::Manifest& manifest,
                                      const RestorePlaces& places) {
  if (!places.tablespaces_moved) return manifest.tablespace_map();
  std::vector<postgres::TablespaceMapEntry> entries;
  for (const auto& [oid, location] : places.tablespace_locations) {
    entries.push_back({oid, location});
  }
  return postgres::WriteTablespaceMap(entries,
                                      static_cast<int>(manifest.server_version_num() / 10000));
}

Status WriteLabels(const format::Manifest& manifest, const RestorePlaces& places) {
  mode_t mode = FileMode(manifest);
  RETURN_IF_ERROR(WriteFileDurably(places.data_directory + "/backup_label",
                                   AsBytes(manifest.backup_label()), mode));
  ASSIGN_OR_RETURN(std::string map, TablespaceMapText(manifest, places));
  if (map.empty()) return {};
  return WriteFileDurably(places.data_directory + "/tablespace_map", AsBytes(map), mode);
}

Status CheckManifestParts(const format::Manifest& manifest) {
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(manifest.control_file())));
  if (control.system_identifier.value != manifest.system_identifier() ||
      manifest.backup_label().empty()) {
    return Error{Code::kDamaged,
                 fmt::format("the manifest of {} contradicts itself", manifest.backup_id()),
                 "restore from another backup"};
  }
  return {};
}

Result<std::vector<FileSystemSync>> BeginSyncs(const RestorePlaces& places) {
  std::vector<std::string> directories{places.data_directory};
  for (const auto& [oid, location] : places.tablespace_locations) directories.push_back(location);
  std::vector<FileSystemSync> syncs;
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(FileSystemSync sync, FileSystemSync::Begin(directory));
    syncs.push_back(std::move(sync));
  }
  return syncs;
}

}  // namespace

Result<RestoredFiles> WriteRestoredDirectory(const config::Settings& settings,
                                             const repository::ClusterAccess& cluster,
                                             const RecoveryPlan& plan, const RestorePlaces& places,
                                             const RestoreOptions& options) {
  RETURN_IF_ERROR(CheckManifestParts(plan.manifest));
  ASSIGN_OR_RETURN(std::vector<FileSystemSync> syncs, BeginSyncs(places));
  // The configuration lies beside the data directory, which may be a disk of its own.
  ASSIGN_OR_RETURN(FileSystemSync config_sync, FileSystemSync::Begin(places.config_directory));
  Progress progress(options.progress, "restore", plan.manifest.stream_bytes());
  RestoreFilesOptions files{places.data_directory, places.config_directory,
                            places.tablespace_locations,
                            static_cast<size_t>(settings.performance.jobs), progress};
  ASSIGN_OR_RETURN(RestoredFiles restored, RestoreFiles(cluster, plan.manifest, files));
  RETURN_IF_ERROR(WriteRecoverySettings(settings, plan, places, options));
  RETURN_IF_ERROR(WriteLabels(plan.manifest, places));
  for (FileSystemSync& sync : syncs) RETURN_IF_ERROR(sync.Finish());
  if (!restored.config_files.empty()) RETURN_IF_ERROR(config_sync.Finish());
  // Only now can a server start here.
  RETURN_IF_ERROR(WriteFileDurably(places.data_directory + "/" + postgres::kControlFilePath,
                                   AsBytes(plan.manifest.control_file()), FileMode(plan.manifest)));
  return restored;
}

}  // namespace pgcairn::commands
