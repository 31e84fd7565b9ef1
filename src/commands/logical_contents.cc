#include "commands/logical_contents.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <utility>

#include "commands/rows_against_catalog.h"
#include "commands/verify_logical.h"
#include "repository/map/chunk_reader.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

Error Contradiction(const std::string& what) {
  return {Code::kDamaged, "the backup contradicts itself: " + what, "restore from another backup"};
}

}  // namespace

std::string RowsFolder(uint32_t table_oid) { return fmt::format("rows/{}", table_oid); }

std::string RowsPath(uint32_t table_oid, uint32_t part) {
  return fmt::format("{}/{}", RowsFolder(table_oid), part);
}

std::string LargeObjectsPath(uint32_t part) { return fmt::format("large_objects/{}", part); }

Result<LogicalContents> LogicalContents::Open(const repository::ClusterAccess& cluster,
                                              const format::Manifest& manifest) {
  if (manifest.method() != format::Manifest::LOGICAL) {
    return Error{Code::kUsage, fmt::format("{} is not a logical backup", manifest.backup_id()), ""};
  }
  LogicalContents contents(cluster);
  contents.left_out_.assign(manifest.left_out().begin(), manifest.left_out().end());
  const std::string doing = "reading what " + manifest.backup_id() + " holds";
  RETURN_IF_ERROR(contents.ReadLists(manifest).Context(doing));
  RETURN_IF_ERROR(contents.ReadCatalog().Context(doing));
  RETURN_IF_ERROR(contents.CheckCatalog().Context(doing));
  return contents;
}

Status LogicalContents::ReadLists(const format::Manifest& manifest) {
  repository::BlobReader reader(*cluster_);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference at, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw,
                     reader.Read(repository::ObjectKind::kMetadataPack, at.pack, at.location));
    ASSIGN_OR_RETURN(repository::StreamList decoded, repository::DecodeStreamList(raw));
    lists_.push_back(std::make_unique<repository::StreamList>(std::move(decoded)));
    for (const repository::StreamEntry& entry : lists_.back()->streams) {
      if (entry.kind != repository::StreamKind::kChunks) {
        return Contradiction(entry.path + " is no stream of a database");
      }
      if (!streams_.emplace(entry.path, LogicalStream{lists_.back().get(), &entry}).second) {
        return Contradiction(entry.path + " is there twice");
      }
    }
  }
  if (streams_.size() == manifest.stream_count()) return {};
  return Contradiction("its lists hold another number of streams");
}

Result<LogicalStream> LogicalContents::Find(const std::string& path) const {
  auto found = streams_.find(path);
  if (found == streams_.end()) return Contradiction(path + " is missing");
  return found->second;
}

Status LogicalContents::ReadCatalog() {
  ASSIGN_OR_RETURN(LogicalStream stream, Find(std::string(kCatalogPath)));
  if (stream.entry->size > kCatalogBytesMax) return Contradiction("its catalog is too long");
  Bytes raw;
  LogicalStreamReader reader(*this, stream);
  for (;;) {
    ASSIGN_OR_RETURN(ByteView piece, reader.Next());
    if (piece.empty()) break;
    Append(raw, piece);
  }
  if (catalog_.ParseFromArray(raw.data(), static_cast<int>(raw.size()))) return {};
  return Contradiction("its catalog cannot be read");
}

Status LogicalContents::CheckCatalog() const {
  RowsAgainstCatalog rows;
  for (const auto& [path, stream] : streams_) rows.Add(*stream.entry);
  const Status judged = rows.Judge(catalog_);
  return judged.ok() ? judged : Contradiction(judged.error().message);
}

Status LogicalContents::WriteDefinitions(const std::string& path) const {
  ASSIGN_OR_RETURN(LogicalStream stream, Find("schema.dump"));
  ASSIGN_OR_RETURN(UniqueFd file, ::pgcairn::Open(path, O_WRONLY | O_CREAT | O_EXCL));
  LogicalStreamReader reader(*this, stream);
  for (;;) {
    ASSIGN_OR_RETURN(ByteView piece, reader.Next());
    if (piece.empty()) break;
    RETURN_IF_ERROR(WriteAll(file.get(), piece, path));
  }
  return file.Close(path);
}

Result<uint64_t> LogicalContents::BytesOfPart(const format::LogicalTable& table,
                                              uint32_t part) const {
  ASSIGN_OR_RETURN(LogicalStream stream, Find(RowsPath(table.oid(), part)));
  return stream.entry->size;
}

Result<std::unique_ptr<RowReader>> LogicalContents::ReadRows(const format::LogicalTable& table,
                                                             uint32_t part) const {
  ASSIGN_OR_RETURN(LogicalStream stream, Find(RowsPath(table.oid(), part)));
  return std::unique_ptr<RowReader>(std::make_unique<LogicalStreamReader>(*this, stream));
}

Result<std::unique_ptr<RowReader>> LogicalContents::ReadLargeObjects(uint32_t part) const {
  ASSIGN_OR_RETURN(LogicalStream stream, Find(LargeObjectsPath(part)));
  return std::unique_ptr<RowReader>(std::make_unique<LogicalStreamReader>(*this, stream));
}

LogicalStreamReader::LogicalStreamReader(const LogicalContents& contents,
                                         const LogicalStream& stream)
    : contents_(contents),
      stream_(stream),
      reader_(contents.cluster()),
      chunk_ids_(contents.cluster().keys.chunk_key()) {}

Result<ByteView> LogicalStreamReader::Next() {
  const repository::StreamEntry& entry = *stream_.entry;
  if (next_leaf_ < entry.leaf_count) {
    Result<repository::ChunkLeaf> leaf =
        repository::ReadChunkLeaf(reader_, *stream_.list, entry.first_leaf + next_leaf_);
    if (!leaf.ok()) return std::move(leaf).Context("reading " + entry.path).error();
    RETURN_IF_ERROR(repository::ReadChunks(reader_, chunk_ids_, *leaf, bytes_)
                        .Context("reading " + entry.path));
    ++next_leaf_;
    read_bytes_ += bytes_.size();
    if (read_bytes_ <= entry.size) return ByteView(bytes_);
  }
  if (read_bytes_ == entry.size) return ByteView();
  return Contradiction(entry.path + " has another size than its chunks");
}

}  // namespace pgcairn::commands
