// Writes the streams of a backup into directories: the mirror of copy_files.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RestoreFilesOptions {
  std::string data_directory;    // exists, and is empty
  std::string config_directory;  // for configuration from outside; made when there is any
  // Where each tablespace of the manifest goes, by oid; every one has an entry.
  std::map<uint32_t, std::string> tablespace_locations;
  size_t threads = 1;
  Progress& progress;
};

struct RestoredFiles {
  uint64_t files = 0;
  uint64_t bytes = 0;
  // Files of configuration from outside, below config_directory.
  std::vector<std::string> config_files;
};

// Every byte is proven against the hash tree before it is written. When this returns OK all files
// are written with their sizes and modes, but not yet durable (file_system_sync.h). pg_control,
// backup_label and tablespace_map are not written.
// Errors: kDamaged, kNotFound (a pack is missing), kNoSpace, kStorage, kPermission.
Result<RestoredFiles> RestoreFiles(const repository::ClusterAccess& cluster,
                                   const format::Manifest& manifest,
                                   const RestoreFilesOptions& options);

}  // namespace pgcairn::commands
