// Notes on the way what a backup has stored, so that the next one can go on from there.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "commands/copy_plan.h"
#include "commands/placed_streams.h"
#include "commands/previous_map.h"
#include "format/checkpoint.pb.h"
#include "postgres/data_directory.h"
#include "repository/cluster_access.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/pack_uploader.h"
#include "util/result.h"

namespace pgcairn::commands {

class CheckpointWriter {
 public:
  // `head` bears the run's identity and names what it goes on from; `first_number` is that of the
  // first checkpoint of this process. One is due whenever `interval_bytes` more are stored, or when
  // what was added fills one.
  CheckpointWriter(const repository::ClusterAccess& cluster, format::Checkpoint head,
                   uint32_t first_number, uint64_t interval_bytes);

  struct Source {
    const postgres::DataDirectoryListing& listing;
    const CopyPlan& plan;
    const std::vector<LeafResult>& results;
    PreviousMap& previous;
  };
  // A leaf of the plan is with the metadata writer, or was found unchanged; its result in `source`
  // stays as it is. Any thread.
  void Add(const Source& source, uint32_t leaf);

  bool IsDue(const repository::PackUploader& uploader) const;

  // Makes durable what was added, and then says so, in as many checkpoints as it takes. Blocks
  // meanwhile, and no other thread.
  Status Write(const Source& source, repository::PackUploader& uploader,
               repository::MetadataWriter& metadata);

 private:
  const repository::ClusterAccess& cluster_;
  const format::Checkpoint head_;
  const uint64_t interval_bytes_;
  uint32_t number_;
  uint64_t next_at_bytes_;
  size_t packs_named_ = 0;
  mutable std::mutex mutex_;
  std::vector<uint32_t> added_;
  uint64_t added_bytes_ = 0;  // that their descriptions take, about
};

}  // namespace pgcairn::commands
