// The copying part of a backup: read, check pages, compare, compress, seal, pack, store.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "commands/checkpoint_writer.h"
#include "commands/previous_map.h"
#include "commands/unchanged_files.h"
#include "format/manifest.pb.h"
#include "postgres/data_directory.h"
#include "postgres/external_config.h"
#include "repository/cluster_access.h"
#include "repository/compaction/compaction.h"
#include "repository/map/unit_writer.h"
#include "repository/pack/pack_reference.h"
#include "repository/pack/pack_uploader.h"
#include "sources/physical/page_reader.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct CopyOptions {
  const postgres::DataDirectoryListing& listing;
  const std::vector<postgres::ExternalFile>& external_files;
  sources::PageReaderOptions reader;
  size_t threads = 1;
  int compression_level = 3;
  Progress& progress;
  // Called about every second from the calling thread while the others copy; an error stops them.
  std::function<Status()> while_copying;
  // What is stored already. Empty: everything is stored.
  PreviousMap& previous;
  CompareRules rules = {};
  CheckpointWriter* checkpoints = nullptr;  // null: none are written
  // Asked once it is known how many bytes of files will be read: which packs that `previous` names
  // are to be emptied. Empty: none.
  std::function<repository::PacksToEmpty(uint64_t bytes_to_read)> what_to_empty = {};
};

struct CopyResult {
  std::vector<repository::BlobReference> stream_lists;
  std::vector<repository::StoredPack> packs;      // all that the streams need
  std::vector<repository::StoredPack> new_packs;  // that were written
  uint64_t stream_count = 0;
  uint64_t stream_bytes = 0;
  repository::UnitCounts units;
  uint64_t files_unchanged = 0;  // by their stamps
  uint64_t files_compared = 0;
  uint64_t bytes_read = 0;
  CompareReason reason = CompareReason::kNone;
  std::string reason_detail;
  std::vector<std::string> unseen_changes;  // the first thousand
  uint64_t unseen_change_count = 0;
};

// When this returns OK every pack is durable. Memory: about 110 MiB and 40 MiB more for each
// thread, what `previous` takes, and 100 bytes for every file and every 32 MiB that changed.
Result<CopyResult> CopyFiles(const repository::ClusterAccess& cluster, const CopyOptions& options);

}  // namespace pgcairn::commands
