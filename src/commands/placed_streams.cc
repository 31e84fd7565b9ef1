#include "commands/placed_streams.h"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace pgcairn::commands {
namespace {

using repository::StreamKind;

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
    stream.entry.kind = StreamKind::kDirectory;
    stream.entry.mode = static_cast<uint16_t>(directory.mode & 07777);
    stream.entry.path = directory.path;
    streams.push_back(std::move(stream));
  }
  return streams;
}

// The pieces of one file as they become known, by the first unit of each.
struct Pieces {
  struct Piece {
    PlacedLeaf leaf;
    uint16_t first_entry = 0;
  };
  std::map<uint64_t, Piece> by_unit;
  uint64_t size = 0;
  bool vanished = false;
};

void AddCarried(const PreviousMap::Stream& earlier, Pieces& pieces) {
  pieces.size = earlier.entry.size;
  for (const PreviousMap::Extent& extent : earlier.extents) {
    pieces.by_unit[extent.first_unit] = {{nullptr, extent.leaf},
                                         static_cast<uint16_t>(extent.first_entry)};
  }
}

void AddResult(const PlannedLeaf& planned, const LeafResult& result, std::vector<Pieces>& files) {
  for (size_t i = 0; i < result.slices.size(); ++i) {
    const sources::Slice& slice = planned.plan.slices[i];
    Pieces& pieces = files[slice.file];
    if (!planned.only_to_empty) {
      pieces.vanished = pieces.vanished || result.slices[i].vanished;
      if (result.slices[i].bytes > 0) pieces.size = slice.offset + result.slices[i].bytes;
    }
    if (result.form == LeafResult::Form::kEmpty) continue;
    PlacedLeaf leaf = result.form == LeafResult::Form::kStored
                          ? PlacedLeaf{&result.stored, 0}
                          : PlacedLeaf{nullptr, result.earlier};
    pieces.by_unit[slice.offset / repository::kUnitBytes] = {leaf, result.slices[i].first_entry};
  }
}

PlacedStream Placed(const postgres::DataFile& from, const Pieces& pieces) {
  PlacedStream stream;
  stream.entry.kind = from.is_relation ? StreamKind::kRelationFile : StreamKind::kOtherFile;
  stream.entry.mode = static_cast<uint16_t>(from.mode & 07777);
  stream.entry.path = from.path;
  stream.entry.mtime_ns = from.mtime_ns;
  stream.entry.ctime_ns = from.ctime_ns;
  stream.entry.inode = from.inode;
  stream.entry.size = pieces.size;
  if (pieces.size == 0) return stream;
  stream.entry.first_entry = pieces.by_unit.begin()->second.first_entry;
  for (const auto& [unit, piece] : pieces.by_unit) {
    // A file that became shorter while it was read has pieces past its end.
    if (unit * repository::kUnitBytes < pieces.size) stream.leaves.push_back(piece.leaf);
  }
  return stream;
}

}  // namespace

NewLeaf ToNewLeaf(const repository::StoredLeaf& stored, PreviousMap& previous) {
  NewLeaf leaf;
  leaf.blob = stored.blob;
  if (stored.base_pack) leaf.base_pack = previous.NumberOfMetadataPack(*stored.base_pack);
  for (const repository::PackBytes& use : stored.uses) {
    leaf.uses.push_back({previous.data_packs().NumberOf(use.pack), use.bytes});
  }
  return leaf;
}

std::vector<PlacedStream> PlaceStreams(const postgres::DataDirectoryListing& listing,
                                       const CopyPlan& plan, const std::vector<LeafResult>& results,
                                       const PreviousMap& previous) {
  std::vector<Pieces> files(listing.files.size());
  for (uint32_t file = 0; file < files.size(); ++file) {
    if (!plan.carried[file]) continue;
    AddCarried(*previous.Find(repository::StreamRoot::kDataDirectory, listing.files[file].path),
               files[file]);
  }
  for (size_t leaf = 0; leaf < results.size(); ++leaf) {
    AddResult(plan.leaves[leaf], results[leaf], files);
  }
  std::vector<PlacedStream> streams = DirectoryStreams(listing);
  for (size_t file = 0; file < files.size(); ++file) {
    if (files[file].vanished && files[file].size == 0) continue;
    streams.push_back(Placed(listing.files[file], files[file]));
  }
  return streams;
}

}  // namespace pgcairn::commands
