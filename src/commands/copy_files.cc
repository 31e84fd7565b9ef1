#include "commands/copy_files.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "repository/map/map_leaf.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/stream_list.h"
#include "repository/map/unit_writer.h"
#include "sources/physical/leaf_plan.h"

namespace pgcairn::commands {
namespace {

using repository::PendingBlob;
using repository::StreamEntry;

constexpr size_t kUploadThreads = 2;
constexpr size_t kPacksInFlight = 2;

// Where the bytes of one slice went.
struct SliceResult {
  uint64_t bytes = 0;  // up to the last unit that was read, before the filling with zero units
  uint16_t first_entry = 0;
  bool vanished = false;
};

struct LeafResult {
  std::optional<PendingBlob> stored;  // nothing when the leaf has no units
  std::vector<SliceResult> slices;
};

// Copies all leaves with several threads. Each leaf's result has its own slot, so that the threads
// share nothing but the counter of the next leaf and the first error.
class Copier {
 public:
  Copier(const repository::ClusterAccess& cluster, const CopyOptions& options,
         const std::vector<sources::LeafPlan>& plan, repository::PackUploader& uploader,
         repository::MetadataWriter& metadata)
      : cluster_(cluster),
        options_(options),
        plan_(plan),
        uploader_(uploader),
        metadata_(metadata),
        results_(plan.size()) {}

  Result<std::vector<LeafResult>> Run() {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < options_.threads; ++i) threads.emplace_back([this] { Work(); });
    WatchOver();
    for (std::thread& thread : threads) thread.join();
    RETURN_IF_ERROR(failure_);
    return std::move(results_);
  }

 private:
  void Work() {
    Status status = CopyLeaves();
    std::lock_guard lock(mutex_);
    if (!status.ok() && failure_.ok()) failure_ = status;
    if (!status.ok()) stop_ = true;
    ++finished_;
    ended_.notify_all();
  }

  Status CopyLeaves() {
    repository::UnitWriter writer(
        cluster_, uploader_, metadata_, options_.compression_level,
        [this](uint32_t leaf, const PendingBlob& stored) { results_[leaf].stored = stored; });
    sources::PageReader reader(options_.reader);
    for (;;) {
      if (stop_) return Error{Code::kCancelled, "copying was stopped", ""};
      size_t leaf = next_++;
      if (leaf >= plan_.size()) break;
      RETURN_IF_ERROR(writer.BeginLeaf(static_cast<uint32_t>(leaf)));
      uint64_t leaf_begin = writer.units_written();
      for (const sources::Slice& slice : plan_[leaf].slices) {
        SliceResult result;
        result.first_entry = static_cast<uint16_t>(writer.units_written() - leaf_begin);
        RETURN_IF_ERROR(CopySlice(slice, reader, writer, result));
        results_[leaf].slices.push_back(result);
      }
      RETURN_IF_ERROR(writer.EndLeaf());
    }
    return writer.Finish();
  }

  Status CopySlice(const sources::Slice& slice, sources::PageReader& reader,
                   repository::UnitWriter& writer, SliceResult& result) {
    RETURN_IF_ERROR(reader.Open(options_.listing.files[slice.file], slice));
    result.vanished = reader.vanished();
    for (;;) {
      if (stop_) return Error{Code::kCancelled, "copying was stopped", ""};
      ASSIGN_OR_RETURN(size_t got, reader.Read(writer.Room()));
      if (got == 0) break;
      size_t commit = got;
      if (slice.continued && got % repository::kUnitBytes != 0) {
        // The file was cut within a page; what follows it must begin on a unit, and the unit's
        // fingerprint is that of all its bytes.
        size_t whole = (got / repository::kUnitBytes + 1) * repository::kUnitBytes;
        std::memset(writer.Room().data() + got, 0, whole - got);
        commit = whole;
      }
      RETURN_IF_ERROR(writer.Commit(commit));
      result.bytes += commit;
      options_.progress.Add(got);
    }
    return slice.continued ? FillWithZeros(slice.length, result.bytes, writer) : Status();
  }

  // A truncated file whose later part was read by somebody else keeps that part's place.
  static Status FillWithZeros(uint64_t wanted, uint64_t have, repository::UnitWriter& writer) {
    uint64_t units = wanted / repository::kUnitBytes -
                     (have + repository::kUnitBytes - 1) / repository::kUnitBytes;
    while (units > 0) {
      std::span<uint8_t> room = writer.Room();
      uint64_t now = std::min<uint64_t>(units, room.size() / repository::kUnitBytes);
      std::memset(room.data(), 0, now * repository::kUnitBytes);
      RETURN_IF_ERROR(writer.Commit(now * repository::kUnitBytes));
      units -= now;
    }
    return {};
  }

  void WatchOver() {
    std::unique_lock lock(mutex_);
    auto next_call = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (finished_ < options_.threads) {
      ended_.wait_for(lock, std::chrono::milliseconds(100));
      lock.unlock();
      options_.progress.Show();
      Status status;
      if (!stop_ && std::chrono::steady_clock::now() >= next_call) {
        status = options_.while_copying();
        next_call = std::chrono::steady_clock::now() + std::chrono::seconds(1);
      }
      lock.lock();
      if (!status.ok()) {
        if (failure_.ok()) failure_ = status;
        stop_ = true;
      }
    }
  }

  const repository::ClusterAccess& cluster_;
  const CopyOptions& options_;
  const std::vector<sources::LeafPlan>& plan_;
  repository::PackUploader& uploader_;
  repository::MetadataWriter& metadata_;
  std::vector<LeafResult> results_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  size_t finished_ = 0;
  Status failure_;
};

// A stream and the leaves that hold it, in order.
struct PlacedStream {
  StreamEntry entry;
  std::vector<PendingBlob> leaves;
};

// Puts the slices of each file together again. Files that vanished before a byte was read are gone.
std::vector<PlacedStream> PlaceStreams(const postgres::DataDirectoryListing& listing,
                                       const std::vector<sources::LeafPlan>& plan,
                                       const std::vector<LeafResult>& results) {
  std::vector<PlacedStream> streams(listing.files.size());
  std::vector<bool> vanished(listing.files.size());
  for (size_t leaf = 0; leaf < plan.size(); ++leaf) {
    for (size_t i = 0; i < plan[leaf].slices.size(); ++i) {
      const sources::Slice& slice = plan[leaf].slices[i];
      const SliceResult& result = results[leaf].slices[i];
      PlacedStream& stream = streams[slice.file];
      vanished[slice.file] = vanished[slice.file] || result.vanished;
      if (result.bytes > 0) stream.entry.size = slice.offset + result.bytes;
      if (!results[leaf].stored) continue;
      if (stream.leaves.empty()) stream.entry.first_entry = result.first_entry;
      stream.leaves.push_back(*results[leaf].stored);
    }
  }
  std::vector<PlacedStream> kept;
  for (size_t file = 0; file < streams.size(); ++file) {
    PlacedStream& stream = streams[file];
    if (vanished[file] && stream.entry.size == 0) continue;
    const postgres::DataFile& from = listing.files[file];
    stream.entry.kind = from.is_relation ? repository::StreamKind::kRelationFile
                                         : repository::StreamKind::kOtherFile;
    stream.entry.mode = static_cast<uint16_t>(from.mode & 07777);
    stream.entry.path = from.path;
    stream.entry.mtime_ns = from.mtime_ns;
    stream.entry.ctime_ns = from.ctime_ns;
    stream.entry.inode = from.inode;
    if (stream.entry.size == 0) {
      stream.leaves.clear();
      stream.entry.first_entry = 0;
    }
    kept.push_back(std::move(stream));
  }
  return kept;
}

std::vector<PlacedStream> DirectoryStreams(const postgres::DataDirectoryListing& listing) {
  // The links of tablespaces are in the manifest.
  std::set<std::string> left_out{"."};
  for (const postgres::TablespaceLink& link : listing.tablespaces) {
    left_out.insert("pg_tblspc/" + std::to_string(link.oid));
  }
  std::vector<PlacedStream> streams;
  for (const postgres::DataDirectoryEntry& directory : listing.directories) {
    if (left_out.contains(directory.path)) continue;
    PlacedStream stream;
    stream.entry.kind = repository::StreamKind::kDirectory;
    stream.entry.mode = static_cast<uint16_t>(directory.mode & 07777);
    stream.entry.path = directory.path;
    streams.push_back(std::move(stream));
  }
  return streams;
}

// Configuration from outside the data directory: small, in leaves of its own.
Result<std::vector<PlacedStream>> CopyExternal(const repository::ClusterAccess& cluster,
                                               const CopyOptions& options,
                                               repository::PackUploader& uploader,
                                               repository::MetadataWriter& metadata) {
  std::vector<PlacedStream> streams;
  std::map<uint32_t, PendingBlob> leaves;
  repository::UnitWriter writer(
      cluster, uploader, metadata, options.compression_level,
      [&](uint32_t leaf, const PendingBlob& stored) { leaves[leaf] = stored; });
  for (const postgres::ExternalFile& file : options.external_files) {
    PlacedStream stream;
    stream.entry.root = repository::StreamRoot::kExternalConfig;
    stream.entry.mode = static_cast<uint16_t>(file.mode & 07777);
    stream.entry.path = file.relative;
    stream.entry.size = file.content.size();
    RETURN_IF_ERROR(writer.BeginLeaf(static_cast<uint32_t>(streams.size())));
    for (size_t at = 0; at < file.content.size();) {
      std::span<uint8_t> room = writer.Room();
      size_t now =
          std::min(room.size() - room.size() % repository::kUnitBytes, file.content.size() - at);
      std::memcpy(room.data(), file.content.data() + at, now);
      RETURN_IF_ERROR(writer.Commit(now));
      at += now;
    }
    RETURN_IF_ERROR(writer.EndLeaf());
    streams.push_back(std::move(stream));
  }
  RETURN_IF_ERROR(writer.Finish());
  for (const auto& [stream, leaf] : leaves) streams[stream].leaves.push_back(leaf);
  return streams;
}

// Adds a stream to a list, with the packs and leaves that it needs, sharing what is there.
class StreamListBuilder {
 public:
  explicit StreamListBuilder(const std::vector<repository::PackReference>& packs) : packs_(packs) {}

  bool HasRoomFor(const PlacedStream& stream) const {
    constexpr size_t kLeavesMax = size_t{64} * 1024;
    return list_.streams.empty() || (list_.streams.size() < repository::kListStreamsMax &&
                                     list_.leaves.size() + stream.leaves.size() <= kLeavesMax);
  }

  void Add(const PlacedStream& stream) {
    StreamEntry entry = stream.entry;
    if (!stream.leaves.empty()) entry.first_leaf = AddLeaves(stream.leaves);
    list_.streams.push_back(std::move(entry));
  }

  repository::StreamList Take() {
    pack_index_.clear();
    return std::exchange(list_, {});
  }

 private:
  uint32_t AddLeaves(const std::vector<PendingBlob>& leaves) {
    // Small files in one leaf follow each other: the last leaf of the list is then theirs too.
    auto first = static_cast<uint32_t>(list_.leaves.size());
    if (!list_.leaves.empty() && Same(list_.leaves.back(), leaves.front())) {
      first -= 1;
    } else {
      Append(leaves.front());
    }
    for (size_t i = 1; i < leaves.size(); ++i) Append(leaves[i]);
    return first;
  }

  bool Same(const repository::TableBlob& there, const PendingBlob& leaf) const {
    auto found = pack_index_.find(leaf.pack);
    return found != pack_index_.end() && found->second == there.pack &&
           there.location.offset == leaf.location.offset;
  }

  void Append(const PendingBlob& leaf) {
    auto [place, fresh] =
        pack_index_.try_emplace(leaf.pack, static_cast<uint32_t>(list_.packs.size()));
    if (fresh) list_.packs.push_back(packs_[leaf.pack]);
    repository::TableBlob blob = leaf;
    blob.pack = place->second;
    list_.leaves.push_back(blob);
  }

  const std::vector<repository::PackReference>& packs_;
  repository::StreamList list_;
  std::map<uint32_t, uint32_t> pack_index_;
};

Result<std::vector<repository::BlobReference>> StoreLists(
    const repository::ClusterAccess& cluster, repository::PackUploader& uploader,
    const std::vector<PlacedStream>& streams, const std::vector<repository::PackReference>& packs) {
  repository::MetadataWriter writer(cluster, uploader);
  std::vector<PendingBlob> pending;
  StreamListBuilder builder(packs);
  auto store = [&]() -> Status {
    ASSIGN_OR_RETURN(PendingBlob blob, writer.Add(EncodeStreamList(builder.Take())));
    pending.push_back(blob);
    return {};
  };
  bool any = false;
  for (const PlacedStream& stream : streams) {
    if (any && !builder.HasRoomFor(stream)) RETURN_IF_ERROR(store());
    builder.Add(stream);
    any = true;
  }
  if (any) RETURN_IF_ERROR(store());
  ASSIGN_OR_RETURN(std::vector<repository::PackReference> list_packs, writer.Finish());
  std::vector<repository::BlobReference> references;
  references.reserve(pending.size());
  for (const PendingBlob& blob : pending) {
    references.push_back({list_packs[blob.pack], blob.location});
  }
  return references;
}

}  // namespace

Result<CopyResult> CopyFiles(const repository::ClusterAccess& cluster, const CopyOptions& options) {
  std::vector<sources::LeafPlan> plan =
      sources::PlanLeaves(options.listing.files, repository::kUnitBytes, repository::kLeafUnitsMax);
  repository::PackUploader uploader(cluster.storage, cluster.names, kUploadThreads, kPacksInFlight);
  repository::MetadataWriter leaves(cluster, uploader);
  Copier copier(cluster, options, plan, uploader, leaves);
  ASSIGN_OR_RETURN(std::vector<LeafResult> results, copier.Run());
  ASSIGN_OR_RETURN(std::vector<PlacedStream> external,
                   CopyExternal(cluster, options, uploader, leaves));
  ASSIGN_OR_RETURN(std::vector<repository::PackReference> leaf_packs, leaves.Finish());

  std::vector<PlacedStream> streams = DirectoryStreams(options.listing);
  for (PlacedStream& stream : PlaceStreams(options.listing, plan, results)) {
    streams.push_back(std::move(stream));
  }
  for (PlacedStream& stream : external) streams.push_back(std::move(stream));

  CopyResult result;
  ASSIGN_OR_RETURN(result.stream_lists, StoreLists(cluster, uploader, streams, leaf_packs));
  RETURN_IF_ERROR(uploader.Finish());
  result.packs = uploader.Stored();
  result.stream_count = streams.size();
  for (const PlacedStream& stream : streams) result.stream_bytes += stream.entry.size;
  return result;
}

}  // namespace pgcairn::commands
