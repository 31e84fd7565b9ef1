#include "commands/testing/small_logical.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/manifest/manifest_store.h"
#include "repository/map/chunk_reader.h"
#include "repository/map/chunk_writer.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/blob_reader.h"
#include "repository/pack/pack_uploader.h"

namespace pgcairn::commands::testing {
namespace {

using repository::ChunkLeaf;
using repository::KnownChunkLeaf;
using repository::PackReference;
using repository::StoredChunkLeaf;
using repository::StoredPack;
using repository::StreamList;

constexpr size_t kSmallChunkBytes = 20;

StreamList ListOf(const repository::ClusterAccess& cluster, const format::Manifest& manifest) {
  repository::BlobReader reader(cluster);
  auto at = repository::FromMessage(manifest.stream_lists(0));
  return *repository::DecodeStreamList(
      *reader.Read(repository::ObjectKind::kMetadataPack, at->pack, at->location));
}

format::LogicalCatalog CatalogOf(const DatabaseStreams& streams, const std::string& database) {
  format::LogicalCatalog catalog;
  catalog.set_database(database);
  for (const auto& [path, bytes] : streams) {
    if (path.starts_with("large_objects/")) {
      catalog.set_large_object_parts(catalog.large_object_parts() + 1);
      catalog.set_large_object_page_bytes(2048);
    }
    if (!path.starts_with("rows/")) continue;
    const auto oid = static_cast<uint32_t>(std::stoul(path.substr(5)));
    const int count = catalog.tables_size();
    format::LogicalTable* table = count > 0 && catalog.tables(count - 1).oid() == oid
                                      ? catalog.mutable_tables(count - 1)
                                      : catalog.add_tables();
    table->set_oid(oid);
    table->set_parts(table->parts() + 1);
    table->set_bytes(table->bytes() + bytes.size());
  }
  return catalog;
}

// Writes one backup.
class LogicalWriter {
 public:
  LogicalWriter(const repository::ClusterAccess& cluster, const LogicalOptions& options)
      : cluster_(cluster), options_(options) {
    if (options.base != nullptr) base_ = ListOf(cluster, options.base->manifest);
  }

  void Write(const std::vector<std::pair<std::string, std::string>>& streams,
             SmallLogicalBackup& backup) {
    WriteChunks(streams, backup);
    StreamList list = ListStreams(streams, backup);
    options_.edit_list(list);
    repository::PackUploader uploader(cluster_.storage, cluster_.names, 1, 1);
    repository::MetadataWriter lists(cluster_, uploader);
    repository::PendingBlob stored = *lists.Add(repository::EncodeStreamList(list));
    const PackReference pack = lists.Finish()->at(stored.pack);
    CHECK(uploader.Finish().ok());
    repository::ToMessage(pack, stored.location, backup.manifest.add_stream_lists());
    backup.list = {pack.sha256, pack.length};
    for (const PackReference& each : list.packs) packs_[each.sha256] = each.length;
    for (const StoredPack& each : list.data_packs) packs_[each.sha256] = each.length;
    packs_[pack.sha256] = pack.length;
    for (const auto& [sha256, length] : packs_) backup.packs.push_back({sha256, length});
    backup.manifest.set_stream_count(list.streams.size());
    for (const repository::StreamEntry& stream : list.streams) {
      backup.manifest.set_stream_bytes(backup.manifest.stream_bytes() + stream.size);
    }
  }

 private:
  struct Written {
    StoredChunkLeaf leaf;
    std::optional<size_t> of_base;  // serves again: the index in the base's list
  };

  // Fills `known` with the stream's chunks in the base.
  void Recall(const std::string& path, repository::KnownChunks& known) {
    repository::BlobReader reader(cluster_);
    for (const repository::StreamEntry& stream : base_.streams) {
      if (stream.path != path) continue;
      for (uint32_t i = 0; i < stream.leaf_count; ++i) {
        const size_t index = stream.first_leaf + i;
        KnownChunkLeaf leaf;
        leaf.at = base_.leaves[index];
        leaf.pack = base_.packs[leaf.at.pack];
        leaf.leaf = *repository::ReadChunkLeaf(reader, base_, index);
        leaf.verdicts.resize(leaf.leaf.packs.size(), repository::PackVerdict::kUsable);
        known.Add(std::move(leaf));
      }
    }
  }

  size_t IndexInBase(const KnownChunkLeaf& leaf) const {
    for (size_t i = 0; i < base_.leaves.size(); ++i) {
      if (base_.packs[base_.leaves[i].pack] == leaf.pack &&
          base_.leaves[i].location.offset == leaf.at.location.offset) {
        return i;
      }
    }
    CHECK(false);
    return 0;
  }

  void WriteChunks(const std::vector<std::pair<std::string, std::string>>& streams,
                   SmallLogicalBackup& backup) {
    repository::PackUploader data(cluster_.storage, cluster_.names, 1, 1);
    repository::PackUploader metadata(cluster_.storage, cluster_.names, 1, 1);
    repository::MetadataWriter leaves(cluster_, metadata);
    repository::ChunkWriter writer(cluster_, data, leaves, 1, nullptr,
                                   [&](uint32_t stream, uint32_t leaf, const StoredChunkLeaf& at) {
                                     Written& written = leaves_[stream][leaf];
                                     written.leaf = at;
                                     if (at.unchanged == nullptr) return;
                                     written.of_base = IndexInBase(*at.unchanged);
                                   });
    std::map<std::string, repository::KnownChunks> known;
    for (uint32_t i = 0; i < streams.size(); ++i) {
      const auto& [path, bytes] = streams[i];
      Recall(path, known[path]);
      writer.BeginStream(i, &known[path]);
      for (size_t at = 0; at < bytes.size(); at += kSmallChunkBytes) {
        CHECK(writer.Add(AsBytes(bytes).subspan(at, std::min(kSmallChunkBytes, bytes.size() - at)))
                  .ok());
      }
      CHECK(writer.EndStream().ok());
    }
    CHECK(writer.Flush().ok());
    const std::vector<PackReference> packs = *leaves.Finish();
    CHECK(data.Finish().ok() && metadata.Finish().ok());
    if (!data.Stored().empty()) backup.data = data.Stored().front();
    EditLeaves(packs, backup);
  }

  // Stores them once more, as their writer would have with a fault.
  void EditLeaves(const std::vector<PackReference>& packs, SmallLogicalBackup& backup) {
    repository::PackUploader uploader(cluster_.storage, cluster_.names, 1, 1);
    repository::MetadataWriter leaves(cluster_, uploader);
    repository::BlobReader reader(cluster_);
    for (auto& [stream, written] : leaves_) {
      for (auto& [number, leaf] : written) {
        if (leaf.of_base) continue;
        repository::TableBlob& at = leaf.leaf.blob;
        ChunkLeaf map = *repository::ReadChunkLeaf(reader, packs.at(at.pack), at);
        options_.edit_leaf(map);
        const uint16_t chunks = at.units;
        at = *leaves.Add(repository::EncodeChunkLeaf(map));
        at.units = chunks;
      }
    }
    for (const PackReference& pack : packs) {
      CHECK(cluster_.storage.Delete(cluster_.names.Pack(pack.sha256)).ok());
    }
    leaf_packs_ = *leaves.Finish();
    CHECK(uploader.Finish().ok());
    if (!leaf_packs_.empty()) {
      backup.leaves = {leaf_packs_.front().sha256, leaf_packs_.front().length};
    }
  }

  StreamList ListStreams(const std::vector<std::pair<std::string, std::string>>& streams,
                         const SmallLogicalBackup&) {
    StreamList list;
    for (uint32_t i = 0; i < streams.size(); ++i) {
      repository::StreamEntry entry;
      entry.kind = repository::StreamKind::kChunks;
      entry.root = repository::StreamRoot::kDatabase;
      entry.path = streams[i].first;
      entry.size = streams[i].second.size();
      entry.leaf_count = static_cast<uint32_t>(leaves_[i].size());
      if (entry.leaf_count > 0) entry.first_leaf = static_cast<uint32_t>(list.leaves.size());
      for (const auto& [number, leaf] : leaves_[i]) AddLeaf(leaf, list);
      list.streams.push_back(std::move(entry));
    }
    return list;
  }

  void AddLeaf(const Written& written, StreamList& list) {
    repository::TableBlob blob = written.leaf.blob;
    repository::LeafNeeds needs;
    if (written.of_base) {
      blob = base_.leaves[*written.of_base];
      blob.pack = IndexOf(base_.packs[blob.pack], list.packs);
      for (const repository::LeafUse& use : base_.needs[*written.of_base].uses) {
        needs.uses.push_back({IndexOf(base_.data_packs[use.pack], list.data_packs), use.bytes});
      }
    } else {
      blob.pack = IndexOf(leaf_packs_[blob.pack], list.packs);
      for (const repository::PackBytes& use : written.leaf.uses) {
        needs.uses.push_back({IndexOf(use.pack, list.data_packs), use.bytes});
      }
    }
    list.leaves.push_back(blob);
    list.needs.push_back(std::move(needs));
  }

  template <typename Pack>
  static uint32_t IndexOf(const Pack& pack, std::vector<Pack>& table) {
    auto found = std::ranges::find(table, pack.sha256, &Pack::sha256);
    if (found == table.end()) found = table.insert(found, pack);
    return static_cast<uint32_t>(found - table.begin());
  }

  const repository::ClusterAccess& cluster_;
  const LogicalOptions& options_;
  StreamList base_;
  std::map<uint32_t, std::map<uint32_t, Written>> leaves_;  // by stream and number
  std::vector<PackReference> leaf_packs_;
  std::map<crypto::Sha256Digest, uint64_t> packs_;
};

}  // namespace

DatabaseStreams SmallDatabase(const std::string& version) {
  DatabaseStreams streams;
  streams["schema.dump"] = "PGDMP of app";
  streams["schema.sql"] = "CREATE TABLE t (a int);";
  streams["roles.sql"] = "CREATE ROLE app;";
  std::string& rows = streams["rows/16384/0"];
  for (int i = 0; i < 10'000; ++i) rows += fmt::format("{:08} row {}\n", i, "abc"[i % 3]);
  streams["rows/16384/1"] = "the last rows " + version + "\n";
  streams["rows/16390/0"] = "";
  streams["large_objects/0"] = "16400\t0\t\\\\x00ff\n";
  return streams;
}

SmallLogicalBackup CommitLogical(const repository::ClusterAccess& cluster, const std::string& id,
                                 DatabaseStreams streams, const LogicalOptions& options) {
  SmallLogicalBackup backup;
  backup.catalog = CatalogOf(streams, options.database);
  options.edit_catalog(backup.catalog);
  std::vector<std::pair<std::string, std::string>> all;
  streams["catalog"] = backup.catalog.SerializeAsString();
  options.edit_streams(streams);
  for (auto& [path, bytes] : streams) all.emplace_back(path, std::move(bytes));

  format::Manifest& manifest = backup.manifest;
  manifest.set_backup_id(id);
  manifest.set_cluster_name("main");
  manifest.set_type(options.base != nullptr ? format::Manifest::INCREMENTAL
                                            : format::Manifest::FULL);
  manifest.set_method(format::Manifest::LOGICAL);
  manifest.set_system_identifier(options.system_identifier);
  manifest.set_server_version_num(150000);
  manifest.set_wal_segment_size(options.wal_segment_bytes);
  manifest.set_stop_time_us(options.stop_time_us);
  manifest.add_databases()->set_name(options.database);
  if (options.base != nullptr) {
    manifest.set_base_backup_id(options.base->manifest.backup_id());
  }
  LogicalWriter(cluster, options).Write(all, backup);
  options.edit_manifest(manifest);
  options.edit_references(backup.packs);
  CHECK(repository::CommitBackup(cluster, manifest, backup.packs).ok());
  return backup;
}

}  // namespace pgcairn::commands::testing
