// What a logical backup holds: docs/format.md, section 17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "commands/database_contents.h"
#include "format/logical.pb.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/map/chunk_identity.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// A stream and the list that says where its leaves are.
struct LogicalStream {
  const repository::StreamList* list = nullptr;
  const repository::StreamEntry* entry = nullptr;
};

// Any number of threads may read one.
// Memory: the stream lists, some 250 bytes for each stream and each leaf, and the catalog.
class LogicalContents : public DatabaseContents {
 public:
  // Reads the lists and the catalog; the latter was held against the former, as RowsAgainstCatalog
  // does it. `cluster` outlives this. kUsage: the manifest is that of a physical backup. kDamaged,
  // kNotFound (a pack is missing).
  static Result<LogicalContents> Open(const repository::ClusterAccess& cluster,
                                      const format::Manifest& manifest);

  const repository::ClusterAccess& cluster() const { return *cluster_; }
  const format::LogicalCatalog& catalog() const override { return catalog_; }
  const std::vector<std::string>& left_out() const override { return left_out_; }
  std::string Describe() const override { return "the backup"; }
  Status WriteDefinitions(const std::string& path) const override;
  Result<uint64_t> BytesOfPart(const format::LogicalTable& table, uint32_t part) const override;
  Result<std::unique_ptr<RowReader>> ReadRows(const format::LogicalTable& table,
                                              uint32_t part) const override;
  Result<std::unique_ptr<RowReader>> ReadLargeObjects(uint32_t part) const override;
  // kDamaged when there is none.
  Result<LogicalStream> Find(const std::string& path) const;

 private:
  explicit LogicalContents(const repository::ClusterAccess& cluster) : cluster_(&cluster) {}
  Status ReadLists(const format::Manifest& manifest);
  Status ReadCatalog();
  Status CheckCatalog() const;

  const repository::ClusterAccess* cluster_;
  std::vector<std::unique_ptr<repository::StreamList>> lists_;
  std::unordered_map<std::string_view, LogicalStream> streams_;  // names lie in the lists
  format::LogicalCatalog catalog_;
  std::vector<std::string> left_out_;
};

// Paths of streams.
std::string RowsFolder(uint32_t table_oid);
std::string RowsPath(uint32_t table_oid, uint32_t part);
std::string LargeObjectsPath(uint32_t part);

// Reads one stream from its beginning to its end. Not for two threads at once.
// Memory: one leaf's chunks, at most 64 MiB.
class LogicalStreamReader : public RowReader {
 public:
  // `contents` outlives it.
  LogicalStreamReader(const LogicalContents& contents, const LogicalStream& stream);

  // kDamaged, also when the chunks are not as many bytes as the list says; kNotFound.
  Result<ByteView> Next() override;

 private:
  const LogicalContents& contents_;
  const LogicalStream stream_;
  repository::BlobReader reader_;
  repository::ChunkIdentity chunk_ids_;
  Bytes bytes_;
  uint32_t next_leaf_ = 0;
  uint64_t read_bytes_ = 0;
};

}  // namespace pgcairn::commands
