// The threads of a backup: each takes a leaf of work from file to pack (docs/adr/0002).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/checkpoint_writer.h"
#include "commands/copy_plan.h"
#include "commands/placed_streams.h"
#include "commands/previous_map.h"
#include "repository/cluster_access.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/unit_writer.h"
#include "repository/pack/pack_uploader.h"
#include "sources/physical/page_reader.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct CopyTools {
  const repository::ClusterAccess& cluster;
  const postgres::DataDirectoryListing& listing;
  const CopyPlan& plan;
  PreviousMap& previous;
  repository::PackUploader& uploader;
  repository::MetadataWriter& metadata;
  repository::CompactionBudget* budget = nullptr;  // null: nothing is emptied
  const sources::PageReaderOptions& reader;
  size_t threads = 1;
  int compression_level = 3;
  Progress& progress;
  CheckpointWriter* checkpoints = nullptr;  // null: none are written
  // Called about every second from the calling thread while the others copy; an error stops them.
  const std::function<Status()>& while_copying;
};

// Files that changed although their stamps did not. Any thread.
class UnseenChanges {
 public:
  // `file` is its number in the listing; each counts once.
  void Add(uint32_t file, const std::string& path);
  uint64_t count() const;
  std::vector<std::string> paths() const;  // the first thousand

 private:
  mutable std::mutex mutex_;
  std::set<uint32_t> files_;
  std::vector<std::string> paths_;
};

// Copies all leaves with several threads. Each leaf's result has its own slot, so that the threads
// share nothing but the counter of the next leaf and the first error.
class LeafCopier {
 public:
  explicit LeafCopier(const CopyTools& tools) : tools_(tools), results_(tools.plan.leaves.size()) {}

  // When this returns OK, every leaf is with the metadata writer.
  Status Run();

  const std::vector<LeafResult>& results() const { return results_; }
  const repository::UnitCounts& counts() const { return counts_; }
  const UnseenChanges& unseen() const { return unseen_; }

 private:
  class Worker;

  void Work();
  void WatchOver();
  Status WriteCheckpoint();
  CheckpointWriter::Source ForCheckpoints() const {
    return {tools_.listing, tools_.plan, results_, tools_.previous};
  }
  void TakeStored(uint32_t leaf, const repository::StoredLeaf& stored);

  const CopyTools& tools_;
  std::vector<LeafResult> results_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  size_t finished_ = 0;
  Status failure_;
  repository::UnitCounts counts_;
  UnseenChanges unseen_;
};

}  // namespace pgcairn::commands
