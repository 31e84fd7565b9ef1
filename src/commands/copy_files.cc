#include "commands/copy_files.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "commands/copy_leaves.h"
#include "commands/copy_plan.h"
#include "commands/placed_streams.h"
#include "commands/store_lists.h"
#include "repository/manifest/reference_list.h"
#include "repository/map/metadata_writer.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;

constexpr size_t kFileUploadThreads = 2;
constexpr size_t kFilePacksInFlight = 2;

// Configuration from outside the data directory: small, in leaves of its own.
class ExternalCopier {
 public:
  ExternalCopier(const CopyTools& tools, const std::vector<postgres::ExternalFile>& files)
      : tools_(tools), files_(files), leaves_(files.size()), blobs_(tools.cluster) {}

  Result<std::vector<PlacedStream>> Run() {
    repository::UnitWriter writer(
        tools_.cluster, tools_.uploader, tools_.metadata, tools_.compression_level, tools_.budget,
        [&](uint32_t leaf, const repository::StoredLeaf& stored) { Take(leaf, stored); });
    std::vector<PlacedStream> streams;
    for (uint32_t i = 0; i < files_.size(); ++i) {
      RETURN_IF_ERROR(Copy(i, writer));
      PlacedStream stream;
      stream.entry.root = repository::StreamRoot::kExternalConfig;
      stream.entry.mode = static_cast<uint16_t>(files_[i].mode & 07777);
      stream.entry.path = files_[i].relative;
      stream.entry.size = files_[i].content.size();
      streams.push_back(std::move(stream));
    }
    RETURN_IF_ERROR(writer.Flush());
    counts_ = writer.counts();
    for (uint32_t i = 0; i < files_.size(); ++i) {
      if (files_[i].content.empty()) continue;
      streams[i].leaves.push_back(leaves_[i].unchanged ? PlacedLeaf{nullptr, leaves_[i].earlier}
                                                       : PlacedLeaf{&leaves_[i].stored, 0});
    }
    return streams;
  }

  const repository::UnitCounts& counts() const { return counts_; }

 private:
  struct ExternalLeaf {
    bool unchanged = false;
    uint32_t earlier = 0;
    NewLeaf stored;
  };

  Status Copy(uint32_t number, repository::UnitWriter& writer) {
    const std::vector<uint8_t>& content = files_[number].content;
    const std::shared_ptr<const repository::KnownLeaf> earlier = EarlierLeaf(number);
    writer.BeginLeaf(number, earlier.get());
    for (size_t at = 0; at < content.size();) {
      const size_t now = std::min<size_t>(kUnitBytes, content.size() - at);
      std::memcpy(writer.Room().data(), content.data() + at, now);
      const size_t unit = at / kUnitBytes;
      repository::KnownUnit known;
      if (earlier && unit < earlier->leaf.units.size() &&
          earlier->leaf.units[unit].fingerprint ==
              fingerprint_.Of(ByteView(content).subspan(at, now))) {
        known = {earlier.get(), static_cast<uint32_t>(unit)};
      }
      RETURN_IF_ERROR(writer.Commit(now, std::span(&known, 1)));
      at += now;
    }
    return writer.EndLeaf();
  }

  std::shared_ptr<const repository::KnownLeaf> EarlierLeaf(uint32_t number) {
    const PreviousMap::Stream* stream =
        tools_.previous.Find(repository::StreamRoot::kExternalConfig, files_[number].relative);
    if (stream == nullptr || stream->extents.size() != 1 || stream->extents[0].first_entry != 0) {
      return nullptr;
    }
    leaves_[number].earlier = stream->extents[0].leaf;
    Result<std::shared_ptr<const repository::KnownLeaf>> leaf =
        tools_.previous.Read(blobs_, stream->extents[0].leaf);
    return leaf.ok() ? *std::move(leaf) : nullptr;
  }

  void Take(uint32_t number, const repository::StoredLeaf& stored) {
    leaves_[number].unchanged = stored.unchanged;
    if (!stored.unchanged) leaves_[number].stored = ToNewLeaf(stored, tools_.previous);
  }

  const CopyTools& tools_;
  const std::vector<postgres::ExternalFile>& files_;
  std::vector<ExternalLeaf> leaves_;
  repository::BlobReader blobs_;
  repository::UnitCounts counts_;
  crypto::PageFingerprint fingerprint_{tools_.cluster.keys.fingerprint_secret()};
};

repository::PacksToEmpty ChooseWhatToEmpty(const CopyOptions& options, CopyPlan& plan) {
  if (!options.what_to_empty) return {};
  repository::PacksToEmpty to_empty = options.what_to_empty(plan.read_bytes);
  options.previous.MarkToEmpty(to_empty);
  PlanEmptying(options.listing, options.previous, plan);
  return to_empty;
}

void Describe(const CopyPlan& plan, const LeafCopier& copier, CopyResult& result) {
  result.units = copier.counts();
  result.reason = plan.reason;
  result.reason_detail = plan.reason_detail;
  result.files_unchanged = static_cast<uint64_t>(std::ranges::count(plan.carried, true));
  result.files_compared = plan.carried.size() - result.files_unchanged;
  result.unseen_changes = copier.unseen().paths();
  result.unseen_change_count = copier.unseen().count();
}

}  // namespace

Result<CopyResult> CopyFiles(const repository::ClusterAccess& cluster, const CopyOptions& options) {
  CopyPlan plan = PlanCopy(options.listing, options.previous, options.rules);
  options.progress.Add(plan.carried_bytes);
  const repository::PacksToEmpty to_empty = ChooseWhatToEmpty(options, plan);
  repository::PackUploader uploader(cluster.storage, cluster.names, kFileUploadThreads,
                                    kFilePacksInFlight);
  repository::MetadataWriter leaves(cluster, uploader);
  repository::CompactionBudget budget(to_empty);
  const CopyTools tools{cluster,
                        options.listing,
                        plan,
                        options.previous,
                        uploader,
                        leaves,
                        to_empty.packs.empty() ? nullptr : &budget,
                        options.reader,
                        options.threads,
                        options.compression_level,
                        options.progress,
                        options.checkpoints,
                        options.while_copying};
  LeafCopier copier(tools);
  RETURN_IF_ERROR(copier.Run());
  ExternalCopier external(tools, options.external_files);
  ASSIGN_OR_RETURN(std::vector<PlacedStream> external_streams, external.Run());
  ASSIGN_OR_RETURN(std::vector<repository::PackReference> leaf_packs, leaves.Finish());

  std::vector<PlacedStream> streams =
      PlaceStreams(options.listing, plan, copier.results(), options.previous);
  std::ranges::move(external_streams, std::back_inserter(streams));
  ASSIGN_OR_RETURN(StoredLists lists,
                   StoreLists(cluster, uploader, streams, leaf_packs, options.previous));
  RETURN_IF_ERROR(uploader.Finish());

  CopyResult result;
  Describe(plan, copier, result);
  result.units.Add(external.counts());
  result.bytes_read = copier.counts().read_bytes;
  result.stream_lists = std::move(lists.lists);
  result.new_packs = uploader.Stored();
  result.packs = std::move(lists.packs);
  result.packs.insert(result.packs.end(), result.new_packs.begin(), result.new_packs.end());
  repository::SortAndDropRepeated(result.packs);
  result.stream_count = streams.size();
  for (const PlacedStream& stream : streams) result.stream_bytes += stream.entry.size;
  return result;
}

}  // namespace pgcairn::commands
