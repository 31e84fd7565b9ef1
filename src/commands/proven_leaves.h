// Leaves of the map that were proven while other backups were verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "repository/map/stream_list.h"
#include "util/bytes.h"

namespace pgcairn::commands {

struct ProvenLeaf {
  std::vector<uint32_t> packs;  // that its units need; as repository::ProvenPacks counts them
  uint64_t chunk_bytes = 0;     // of a leaf of chunks: the lengths of all of them
};

// Names a leaf wherever a list names it: each backup has lists of its own, but shares most leaves.
// `meaning` is all that decides, besides its own bytes, whether its units are the right ones.
uint64_t LeafIdentity(const repository::StreamList& list, size_t leaf, ByteView meaning);

// Leaves whose units were all proven, by their identities: the next backup shares most of them.
// Remembers those of the backup at hand and of the one before it, so that memory is that of two
// backups. Any thread, but for BeginBackup.
class ProvenLeaves {
 public:
  void BeginBackup();
  // Nothing when the leaf was not proven.
  std::optional<ProvenLeaf> Find(uint64_t leaf);
  void Add(uint64_t leaf, ProvenLeaf proven);

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, ProvenLeaf> leaves_;
  std::unordered_map<uint64_t, ProvenLeaf> leaves_before_;
};

}  // namespace pgcairn::commands
