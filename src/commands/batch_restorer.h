// Restores the units of some map leaves of one stream list: what each thread of a restore does.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "commands/delta_compare.h"
#include "commands/stream_roots.h"
#include "commands/unit_proof.h"
#include "repository/cluster_access.h"
#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "repository/pack/wanted_blobs.h"
#include "util/file.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct UnitCounts {
  std::atomic<uint64_t> pages_compared{0};  // of relations
  std::atomic<uint64_t> pages_written{0};   // of relations
  std::atomic<uint64_t> bytes_written{0};   // of all files
};

// What the threads share. All of it outlives them.
struct ListToRestore {
  const repository::ClusterAccess& cluster;
  const StreamRoots& roots;
  const repository::StreamList& list;
  const std::vector<std::vector<repository::LeafPart>>& parts;  // repository::PartsByLeaf(list)
  // By stream: its file was there before, and only what differs of it is to be written.
  const std::vector<bool>& compare;
  UnitCounts& counts;
  Progress& progress;
  const std::atomic<bool>& stop;  // somebody failed: end soon
};

// Memory: the request that is being read (16 MiB), and for a batch of 64 leaves about 15 MiB.
// Not for two threads at once; one per thread.
class BatchRestorer {
 public:
  explicit BatchRestorer(const ListToRestore& shared);

  // Reads the leaves, compares what is to be compared, and then goes from pack to pack for what
  // all of them want of it. Every unit is proven before it is written. The files are there, with
  // their sizes. kCancelled when it was told to stop.
  Status Restore(std::span<const size_t> leaves);

 private:
  // Where one unit of a blob goes.
  struct UnitTarget {
    uint32_t place = 0;  // in the raw blob
    uint32_t stream = 0;
    uint64_t unit = 0;  // of the stream
    uint64_t fingerprint = 0;
  };
  // The units of one blob that are wanted: a run of targets_.
  struct BlobTargets {
    size_t first = 0;
    size_t count = 0;
  };
  // Streams follow one another in a blob: one file open at a time does for the thousands of small
  // ones that can share a leaf.
  struct OpenFile {
    uint32_t stream = 0;
    UniqueFd fd;
    std::string path;
  };

  Status WantLeaf(const repository::MapLeaf& leaf, const std::vector<repository::LeafPart>& parts);
  Status WantPart(const repository::MapLeaf& leaf, const repository::LeafPart& part);
  Status WriteZeros(uint32_t stream, uint64_t unit);
  Status WriteUnits(ByteView raw, std::span<const UnitTarget> targets);
  // How many of the targets can be written in one call; proves them.
  Result<size_t> ProvenRun(ByteView raw, std::span<const UnitTarget> targets) const;
  Status Write(uint32_t stream, uint64_t unit, ByteView bytes);
  Status OpenTo(OpenFile& file, uint32_t stream, int flags) const;
  const repository::StreamEntry& Entry(uint32_t stream) const {
    return shared_.list.streams[stream];
  }

  const ListToRestore& shared_;
  repository::BlobReader reader_;
  UnitProof proof_;
  std::optional<DeltaCompare> compare_;
  OpenFile read_from_;
  OpenFile write_to_;
  // Of the batch.
  repository::WantedBlobs wanted_;
  std::vector<UnitTarget> targets_;
  std::vector<BlobTargets> blobs_;  // by tag
  // Of the leaf that is looked at: each wanted unit with the index of its blob in the leaf.
  std::vector<std::pair<uint16_t, UnitTarget>> leaf_targets_;
};

}  // namespace pgcairn::commands
