// What earlier backups know of each stream: where its units are stored, and how to recognise them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/sha256.h"
#include "format/checkpoint.pb.h"
#include "repository/compaction/compaction.h"
#include "repository/map/known_chunks.h"
#include "repository/map/known_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/result.h"

namespace pgcairn::commands {

// Numbers the data packs that leaves need, old and new ones. Any thread.
class PackTable {
 public:
  uint32_t NumberOf(const repository::StoredPack& pack);
  repository::StoredPack At(uint32_t number) const;
  // No NumberOf may run at the same time.
  const std::vector<repository::StoredPack>& packs() const { return packs_; }

 private:
  mutable std::mutex mutex_;
  std::map<crypto::Sha256Digest, uint32_t> numbers_;
  std::vector<repository::StoredPack> packs_;
};

// Filled by one thread, then read by any number of them.
//
// Memory: about 200 bytes for each file and 60 for each leaf of 32 MiB, and 8 more for each data
// pack that a leaf needs.
class PreviousMap {
 public:
  // Units that lie side by side in one leaf.
  struct Extent {
    uint64_t first_unit = 0;  // of the stream
    uint32_t count = 0;
    uint32_t leaf = 0;  // number of a Leaf
    uint32_t first_entry = 0;
  };
  struct Stream {
    repository::StreamEntry entry;  // without its path
    std::vector<Extent> extents;    // rising, without gaps when `whole`
    bool whole = false;             // the extents are all of the stream
  };
  struct Leaf {
    uint32_t pack = 0;  // number of a metadata pack
    repository::TableBlob at;
    uint32_t base_pack = repository::kNoPack;  // number of a metadata pack
    std::vector<repository::LeafUse> uses;     // numbers of packs()
    uint32_t live_units = 0;                   // that streams use
    // False: of an unfinished backup, which told nobody of the bad pages that it met.
    bool judged = true;
  };

  // A list of a finished backup. What it says of a stream replaces what was known of it.
  // `raw_sha256` is that of its bytes before they were sealed.
  void AddList(const repository::StreamList& list, const crypto::Sha256Digest& raw_sha256,
               const repository::BlobReference& stored);
  // What an unfinished backup had stored. kDamaged: it says what cannot be.
  Status AddCheckpoint(const format::Checkpoint& checkpoint);

  // Units in these packs, and leaves in them, count as not stored. After all that is added.
  void MarkLost(const std::vector<crypto::Sha256Digest>& packs);
  // Units in these data packs are to be stored afresh.
  void MarkToEmpty(const repository::PacksToEmpty& packs);
  // Only what lies in these packs counts as stored: units, leaves, and what leaves are patches on.
  void KeepOnly(const std::vector<crypto::Sha256Digest>& packs);

  // Nothing is known of that file any more.
  void Forget(repository::StreamRoot root, std::string_view path);

  // Where a list with exactly these bytes is stored; null when there is none that can be used.
  const repository::BlobReference* FindList(const crypto::Sha256Digest& raw_sha256) const;

  // Data and metadata packs of which `is_meant` is true.
  std::vector<crypto::Sha256Digest> PacksThat(
      const std::function<bool(const crypto::Sha256Digest&)>& is_meant) const;

  const Stream* Find(repository::StreamRoot root, std::string_view path) const;
  const Leaf& leaf(uint32_t number) const { return leaves_[number]; }
  const std::vector<repository::PackReference>& metadata_packs() const { return metadata_packs_; }
  uint32_t NumberOfMetadataPack(const repository::PackReference& pack) const;
  PackTable& data_packs() { return *data_packs_; }

  // Whether the leaf, and all that it needs, can be referred to as it is.
  bool IsUsable(uint32_t number) const;
  bool NeedsPackToEmpty(uint32_t number) const;
  bool empty() const { return streams_.empty(); }

  // Stored and needed bytes of each data pack, as far as finished backups said.
  std::vector<repository::PackUse> PackUses() const;

  // The leaf, of pages, with verdicts on its packs. Any thread, each with a reader of its own.
  // Errors are those of repository::ReadLeaf.
  Result<std::shared_ptr<const repository::KnownLeaf>> Read(repository::BlobReader& reader,
                                                            uint32_t number) const;
  // The same for a leaf of chunks, which has its number here.
  Result<repository::KnownChunkLeaf> ReadChunks(repository::BlobReader& reader,
                                                uint32_t number) const;

 private:
  uint32_t AddMetadataPack(const repository::PackReference& pack);
  Result<uint32_t> AddCheckpointLeaf(const format::CheckpointLeaf& message);
  void AddPart(const format::CheckpointPart& part, uint32_t leaf);
  // Of a pack of leaves or lists.
  bool IsLost(const crypto::Sha256Digest& pack) const;
  repository::PackVerdict VerdictOf(const crypto::Sha256Digest& data_pack) const;

  std::unordered_map<std::string, Stream> streams_;  // by root and path
  std::map<crypto::Sha256Digest, repository::BlobReference> lists_;
  std::vector<Leaf> leaves_;
  std::vector<repository::PackReference> metadata_packs_;
  std::map<crypto::Sha256Digest, uint32_t> metadata_numbers_;
  std::unique_ptr<PackTable> data_packs_ = std::make_unique<PackTable>();
  std::map<crypto::Sha256Digest, repository::PackVerdict> verdicts_;  // the usable are left out
  bool keep_only_ = false;
  std::map<crypto::Sha256Digest, bool> kept_;
};

}  // namespace pgcairn::commands
