#include "commands/store_lists.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "crypto/sha256.h"
#include "repository/manifest/reference_list.h"
#include "repository/map/stream_list.h"

namespace pgcairn::commands {
namespace {

using repository::kNoPack;
using repository::LeafNeeds;
using repository::PendingBlob;
using repository::StreamEntry;
using repository::StreamList;

constexpr size_t kListBytesTarget = size_t{8} * 1024 * 1024;
constexpr size_t kListStreamsMin = 256;
// A list ends, on average, after so many streams more.
constexpr size_t kListStreamsMean = 1024;

bool BeginsList(const std::string& path) {
  // The same on every host and for every build: which lists are equal must not depend on either.
  return LoadLe<uint32_t>(crypto::Sha256(AsBytes(path)).bytes.data()) % kListStreamsMean == 0;
}

// Adds streams to a list, with the packs and leaves that they need, sharing what is there.
class StreamListBuilder {
 public:
  StreamListBuilder(const std::vector<repository::PackReference>& leaf_packs, PreviousMap& previous)
      : leaf_packs_(leaf_packs), previous_(previous) {}

  bool IsFull(const PlacedStream& next) const {
    const size_t streams = list_.streams.size();
    if (streams == 0) return false;
    return streams >= repository::kListStreamsMax || bytes_ >= kListBytesTarget ||
           (streams >= kListStreamsMin && BeginsList(next.entry.path));
  }

  void Add(const PlacedStream& stream) {
    StreamEntry entry = stream.entry;
    if (!stream.leaves.empty()) entry.first_leaf = AddLeaves(stream.leaves);
    bytes_ += 48 + entry.path.size();
    list_.streams.push_back(std::move(entry));
  }

  StreamList Take() {
    metadata_index_.clear();
    data_index_.clear();
    leaf_index_.clear();
    bytes_ = 0;
    return std::exchange(list_, {});
  }

 private:
  struct LeafKey {
    const NewLeaf* fresh;
    uint32_t earlier;
    friend auto operator<=>(const LeafKey&, const LeafKey&) = default;
  };

  uint32_t AddLeaves(const std::vector<PlacedLeaf>& leaves) {
    if (leaves.size() == 1) {
      // Small files share leaves; those of longer ones must follow one another.
      auto [place, fresh] = leaf_index_.try_emplace({leaves[0].fresh, leaves[0].earlier},
                                                    static_cast<uint32_t>(list_.leaves.size()));
      if (fresh) Append(leaves[0]);
      return place->second;
    }
    auto first = static_cast<uint32_t>(list_.leaves.size());
    for (const PlacedLeaf& leaf : leaves) Append(leaf);
    return first;
  }

  void Append(const PlacedLeaf& leaf) {
    repository::TableBlob blob;
    LeafNeeds needs;
    const std::vector<repository::LeafUse>* uses = nullptr;
    if (leaf.fresh != nullptr) {
      blob = leaf.fresh->blob;
      // Numbers of this run's metadata packs follow those of the earlier ones.
      blob.pack =
          MetadataIndex(static_cast<uint32_t>(previous_.metadata_packs().size()) + blob.pack);
      if (leaf.fresh->base_pack != kNoPack) needs.base_pack = MetadataIndex(leaf.fresh->base_pack);
      uses = &leaf.fresh->uses;
    } else {
      const PreviousMap::Leaf& earlier = previous_.leaf(leaf.earlier);
      blob = earlier.at;
      blob.pack = MetadataIndex(earlier.pack);
      if (earlier.base_pack != kNoPack) needs.base_pack = MetadataIndex(earlier.base_pack);
      uses = &earlier.uses;
    }
    for (const repository::LeafUse& use : *uses) {
      needs.uses.push_back({DataIndex(use.pack), use.bytes});
    }
    bytes_ += 32 + 8 * needs.uses.size();
    list_.leaves.push_back(blob);
    list_.needs.push_back(std::move(needs));
  }

  uint32_t MetadataIndex(uint32_t number) {
    auto [place, fresh] =
        metadata_index_.try_emplace(number, static_cast<uint32_t>(list_.packs.size()));
    if (fresh) {
      const size_t earlier = previous_.metadata_packs().size();
      list_.packs.push_back(number < earlier ? previous_.metadata_packs()[number]
                                             : leaf_packs_[number - earlier]);
      bytes_ += repository::kPackReferenceBytes;
    }
    return place->second;
  }

  uint32_t DataIndex(uint32_t number) {
    auto [place, fresh] =
        data_index_.try_emplace(number, static_cast<uint32_t>(list_.data_packs.size()));
    if (fresh) {
      list_.data_packs.push_back(previous_.data_packs().packs()[number]);
      bytes_ += 40;
    }
    return place->second;
  }

  const std::vector<repository::PackReference>& leaf_packs_;
  PreviousMap& previous_;
  StreamList list_;
  size_t bytes_ = 0;
  std::unordered_map<uint32_t, uint32_t> metadata_index_;
  std::unordered_map<uint32_t, uint32_t> data_index_;
  std::map<LeafKey, uint32_t> leaf_index_;
};

// Stores lists, or finds them stored.
class ListStorer {
 public:
  ListStorer(const repository::ClusterAccess& cluster, repository::PackUploader& uploader,
             const PreviousMap& previous)
      : writer_(cluster, uploader), previous_(previous) {}

  Status Store(const StreamList& list) {
    for (const repository::PackReference& pack : list.packs) {
      needed_.push_back({pack.sha256, pack.length});
    }
    needed_.insert(needed_.end(), list.data_packs.begin(), list.data_packs.end());
    // The lists name the same packs again and again.
    if (needed_.size() > kNeededMax) repository::SortAndDropRepeated(needed_);
    Bytes raw = EncodeStreamList(list);
    if (const repository::BlobReference* there = previous_.FindList(crypto::Sha256(raw))) {
      needed_.push_back({there->pack.sha256, there->pack.length});
      lists_.push_back({*there, false, 0});
      return {};
    }
    ASSIGN_OR_RETURN(PendingBlob blob, writer_.Add(raw));
    lists_.push_back({{{}, blob.location}, true, blob.pack});
    return {};
  }

  Result<StoredLists> Finish() {
    ASSIGN_OR_RETURN(std::vector<repository::PackReference> packs, writer_.Finish());
    StoredLists stored;
    for (Pending& list : lists_) {
      if (list.fresh) list.reference.pack = packs[list.pack];
      stored.lists.push_back(list.reference);
    }
    repository::SortAndDropRepeated(needed_);
    stored.packs = std::move(needed_);
    return stored;
  }

 private:
  static constexpr size_t kNeededMax = 1'000'000;
  struct Pending {
    repository::BlobReference reference;
    bool fresh = false;
    uint32_t pack = 0;  // of the writer
  };

  repository::MetadataWriter writer_;
  const PreviousMap& previous_;
  std::vector<repository::StoredPack> needed_;
  std::vector<Pending> lists_;
};

}  // namespace

Result<StoredLists> StoreLists(const repository::ClusterAccess& cluster,
                               repository::PackUploader& uploader,
                               const std::vector<PlacedStream>& streams,
                               const std::vector<repository::PackReference>& leaf_packs,
                               PreviousMap& previous) {
  ListStorer storer(cluster, uploader, previous);
  StreamListBuilder builder(leaf_packs, previous);
  for (const PlacedStream& stream : streams) {
    if (builder.IsFull(stream)) RETURN_IF_ERROR(storer.Store(builder.Take()));
    builder.Add(stream);
  }
  if (!streams.empty()) RETURN_IF_ERROR(storer.Store(builder.Take()));
  return storer.Finish();
}

}  // namespace pgcairn::commands
