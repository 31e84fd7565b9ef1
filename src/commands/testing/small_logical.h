// A backup of one small database in the repository of a test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/logical.pb.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/map/chunk_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::commands::testing {

// Bytes by path, of all that a backup holds but the catalog.
using DatabaseStreams = std::map<std::string, std::string>;

struct SmallLogicalBackup {
  format::Manifest manifest;
  format::LogicalCatalog catalog;
  std::vector<repository::StoredPack> packs;  // all that it needs
  repository::StoredPack data;
  repository::StoredPack leaves;
  repository::StoredPack list;
};

struct LogicalOptions {
  std::string database = "app";
  uint64_t system_identifier = 0;
  uint64_t wal_segment_bytes = 1 << 20;
  int64_t stop_time_us = 0;
  // Its streams that are the same are not stored again: their leaves are shared.
  const SmallLogicalBackup* base = nullptr;
  // Faults of a writer, each before what it edits is stored.
  std::function<void(DatabaseStreams&)> edit_streams = [](DatabaseStreams&) {};
  std::function<void(format::LogicalCatalog&)> edit_catalog = [](format::LogicalCatalog&) {};
  std::function<void(repository::ChunkLeaf&)> edit_leaf = [](repository::ChunkLeaf&) {};
  std::function<void(repository::StreamList&)> edit_list = [](repository::StreamList&) {};
  std::function<void(std::vector<repository::StoredPack>&)> edit_references =
      [](std::vector<repository::StoredPack>&) {};
  std::function<void(format::Manifest&)> edit_manifest = [](format::Manifest&) {};
};

// Two tables, 16384 in two parts with more than one leaf in the first, 16390 without rows, and one
// part of large objects.
DatabaseStreams SmallDatabase(const std::string& version);

// Commits it as `id`: one data pack, one of leaves and one of the list. The catalog is made from
// the streams.
SmallLogicalBackup CommitLogical(const repository::ClusterAccess& cluster, const std::string& id,
                                 DatabaseStreams streams, const LogicalOptions& options);

}  // namespace pgcairn::commands::testing
