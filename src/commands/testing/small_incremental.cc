#include "commands/testing/small_incremental.h"

#include <algorithm>
#include <utility>

#include "crypto/fingerprint.h"
#include "postgres/page.h"
#include "postgres/page_checksum.h"
#include "repository/manifest/manifest_store.h"
#include "repository/map/map_patch.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "repository/pack/pack_builder.h"
#include "repository/pack/pack_uploader.h"

namespace pgcairn::commands::testing {
namespace {

using repository::MapLeaf;
using repository::ObjectKind;
using repository::PackReference;
using repository::StoredPack;
using repository::StreamEntry;
using repository::StreamList;
using repository::TableBlob;

constexpr uint32_t kChangedBlock = 3;
constexpr char kChangedFile[] = "base/5/16384";
constexpr char kNewFile[] = "base/5/20000";

Bytes Page(uint32_t block, uint64_t seed) {
  Bytes page = repository::RandomContent(postgres::kPageSize, seed);
  StoreLe<uint16_t>(page.data() + 8, postgres::PageChecksum(page.data(), block));
  return page;
}

StoredPack Put(const repository::ClusterAccess& cluster, const repository::FinishedPack& pack) {
  CHECK(cluster.storage.PutIfAbsent(cluster.names.Pack(pack.reference.sha256), pack.view()).ok());
  return {pack.reference.sha256, pack.reference.length};
}

// Blobs in one pack of their own.
class PackWriter {
 public:
  PackWriter(const repository::ClusterAccess& cluster, ObjectKind kind)
      : cluster_(cluster),
        builder_(std::move(*repository::PackBuilder::Begin(kind, cluster.keys.Current(),
                                                           cluster.place, &encoder_))) {}

  // The pack's index is 0.
  TableBlob Add(ByteView raw) { return {0, *builder_.Add(raw), 0}; }
  PackReference Finish(StoredPack& stored) {
    repository::FinishedPack pack = builder_.Finish();
    stored = Put(cluster_, pack);
    return pack.reference;
  }

 private:
  const repository::ClusterAccess& cluster_;
  repository::Encoder encoder_{1};
  repository::PackBuilder builder_;
};

StreamList ReadList(const repository::ClusterAccess& cluster, const format::Manifest& manifest) {
  repository::BlobReader reader(cluster);
  auto at = repository::FromMessage(manifest.stream_lists(0));
  return *repository::DecodeStreamList(
      *reader.Read(ObjectKind::kMetadataPack, at->pack, at->location));
}

MapLeaf ReadLeafOf(const repository::ClusterAccess& cluster, const StreamList& list, size_t leaf) {
  repository::BlobReader reader(cluster);
  const TableBlob& at = list.leaves[leaf];
  return *repository::DecodeMapLeaf(
      *reader.Read(ObjectKind::kMetadataPack, list.packs[at.pack], at.location));
}

// Where the changed page's unit is.
std::pair<size_t, uint32_t> PlaceOfChange(const StreamList& list) {
  const auto parts = repository::PartsByLeaf(list);
  for (size_t leaf = 0; leaf < parts.size(); ++leaf) {
    for (const repository::LeafPart& part : parts[leaf]) {
      if (list.streams[part.stream].path == kChangedFile) {
        return {leaf, part.first_entry + kChangedBlock - static_cast<uint32_t>(part.first_unit)};
      }
    }
  }
  CHECK(false);
  return {};
}

StreamEntry NewFile(const StreamList& list) {
  StreamEntry entry = *std::ranges::find(list.streams, kChangedFile, &StreamEntry::path);
  entry.path = kNewFile;
  entry.size = 2 * postgres::kPageSize;
  entry.first_leaf = static_cast<uint32_t>(list.leaves.size());
  entry.first_entry = 0;
  return entry;
}

}  // namespace

SmallIncremental CommitIncremental(SmallRepository& repository, const std::string& id,
                                   const IncrementalChanges& changes) {
  const repository::ClusterAccess& cluster = repository.cluster();
  const crypto::PageFingerprint fingerprint(cluster.keys.fingerprint_secret());
  SmallIncremental made;
  StreamList list = ReadList(cluster, repository.second());
  auto [changed_leaf, changed_entry] = PlaceOfChange(list);
  MapLeaf changed = ReadLeafOf(cluster, list, changed_leaf);

  PackWriter units(cluster, ObjectKind::kDataPack);
  Bytes file = Page(0, 1001);
  Append(file, Page(1, 1002));
  const TableBlob file_blob = units.Add(file);
  const Bytes page = Page(kChangedBlock, 1003);
  TableBlob page_blob = units.Add(page);
  const PackReference data = units.Finish(made.data);

  MapLeaf fresh;
  fresh.packs = {data};
  fresh.blobs = {file_blob};
  for (uint32_t block = 0; block < 2; ++block) {
    const uint32_t place = block * static_cast<uint32_t>(postgres::kPageSize);
    fresh.units.push_back(
        {0, place, fingerprint.Of(ByteView(file).subspan(place, postgres::kPageSize))});
  }
  changes.edit_leaf(fresh);
  const repository::LeafBase base{
      list.packs[list.leaves[changed_leaf].pack],
      {0, list.leaves[changed_leaf].location, list.leaves[changed_leaf].units}};
  const repository::UnitEntry page_unit{0, 0, fingerprint.Of(page)};
  const repository::MapPatch patch{
      base,        static_cast<uint32_t>(changed.units.size()), {data},
      {page_blob}, {static_cast<uint16_t>(changed_entry)},      {page_unit}};
  page_blob.pack = static_cast<uint32_t>(changed.packs.size());
  changed.packs.push_back(data);
  changed.units[changed_entry] = {static_cast<uint16_t>(changed.blobs.size()), 0,
                                  fingerprint.Of(page)};
  changed.blobs.push_back(page_blob);

  list.streams.push_back(NewFile(list));
  PackWriter leaves(cluster, ObjectKind::kMetadataPack);
  TableBlob fresh_blob = leaves.Add(repository::EncodeMapLeaf(fresh));
  fresh_blob.units = 2;
  TableBlob changed_blob = leaves.Add(changes.as_patch ? repository::EncodeMapPatch(patch)
                                                       : repository::EncodeMapLeaf(changed));
  changed_blob.units = list.leaves[changed_leaf].units;
  // At the front of the table, so that the packs of shared leaves have other numbers than before.
  list.packs.insert(list.packs.begin(), leaves.Finish(made.leaves));
  for (TableBlob& leaf : list.leaves) ++leaf.pack;
  const uint32_t base_pack = list.leaves[changed_leaf].pack;
  const repository::LeafUse new_use{static_cast<uint32_t>(list.data_packs.size()), 1};
  list.data_packs.push_back(made.data);
  if (changes.change_page || changes.as_patch) {
    list.leaves[changed_leaf] = changed_blob;
    list.needs[changed_leaf].uses.push_back(new_use);
  }
  if (changes.as_patch) list.needs[changed_leaf].base_pack = base_pack;
  list.leaves.push_back(fresh_blob);
  list.needs.push_back({repository::kNoPack, {new_use}});
  changes.edit_list(list);

  PackWriter lists(cluster, ObjectKind::kMetadataPack);
  const TableBlob list_blob = lists.Add(repository::EncodeStreamList(list));
  made.manifest = repository.second();
  repository::ToMessage(lists.Finish(made.list), list_blob.location,
                        made.manifest.mutable_stream_lists(0));
  made.manifest.set_backup_id(id);
  made.manifest.set_type(format::Manifest::INCREMENTAL);
  made.manifest.set_base_backup_id(SmallRepository::kSecond);
  made.manifest.set_stream_count(list.streams.size());
  made.manifest.set_stream_bytes(made.manifest.stream_bytes() + 2 * postgres::kPageSize);

  const auto list_before = repository::FromMessage(repository.second().stream_lists(0));
  for (const StoredPack& pack : repository.second_packs()) {
    if (pack.sha256 != list_before->pack.sha256) made.shared.push_back(pack);
    if (pack.sha256 == base.pack.sha256) made.shared_leaves = pack;
  }
  made.packs = {made.data, made.leaves, made.list};
  if (changes.list_shared) {
    made.packs.insert(made.packs.end(), made.shared.begin(), made.shared.end());
  }
  CHECK(repository::CommitBackup(cluster, made.manifest, made.packs).ok());
  return made;
}

}  // namespace pgcairn::commands::testing
