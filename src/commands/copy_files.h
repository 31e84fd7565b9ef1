// The copying part of a backup: read, check pages, compare, compress, seal, pack, store.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "format/manifest.pb.h"
#include "postgres/data_directory.h"
#include "postgres/external_config.h"
#include "repository/cluster_access.h"
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
};

struct CopyResult {
  std::vector<repository::BlobReference> stream_lists;
  std::vector<repository::StoredPack> packs;  // all that were written
  uint64_t stream_count = 0;
  uint64_t stream_bytes = 0;
};

// When this returns OK every pack is durable. Memory: about 60 MiB and 40 MiB more for each thread,
// and 100 bytes for every 32 MiB and every file of the cluster.
Result<CopyResult> CopyFiles(const repository::ClusterAccess& cluster, const CopyOptions& options);

}  // namespace pgcairn::commands
