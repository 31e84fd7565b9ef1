// Writes the streams of a backup into directories: the mirror of copy_files.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/place_stream.h"
#include "commands/restore_selection.h"
#include "commands/stream_roots.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RestoreFilesOptions {
  // The data directory exists; every tablespace of the manifest has a location; the directory for
  // configuration is made when there is any.
  StreamRoots roots;
  size_t threads = 1;
  Progress& progress;
  // kRefuse: the directories are empty. kReuse: what lies there already is compared with the
  // backup, and only what differs is fetched and written. Files that the backup does not have stay.
  Existing existing = Existing::kRefuse;
  // What the kernel keeps of the files in memory may never have reached the disk: it is forgotten
  // before it is compared. What still waits for its writing is not, and must have been synced.
  bool distrust_cache = false;
  // What it does not fill gets its size and reads as zeros.
  RestoreSelection selection = {};
};

struct RestoredFiles {
  uint64_t files = 0;
  uint64_t bytes = 0;  // that they have
  uint64_t pages_compared = 0;
  uint64_t pages_written = 0;
  uint64_t bytes_written = 0;  // without the zeros that a new file begins with
  // Files of configuration from outside, below config_directory.
  std::vector<std::string> config_files;
};

// Every byte is proven against the hash tree before it is written. When this returns OK all files
// are written with their sizes and modes, but not yet durable (file_system_sync.h). pg_control,
// backup_label and tablespace_map are not written.
// Errors: kDamaged, kNotFound (a pack is missing), kNoSpace, kStorage, kPermission.
//
// Memory: 32 MiB for each thread, and one stream list.
Result<RestoredFiles> RestoreFiles(const repository::ClusterAccess& cluster,
                                   const format::Manifest& manifest,
                                   const RestoreFilesOptions& options);

}  // namespace pgcairn::commands
