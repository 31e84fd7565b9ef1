#include "commands/testing/logical_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "commands/store_lists.h"
#include "postgres/client_programs.h"
#include "postgres/connection_cells.h"
#include "repository/manifest/manifest_store.h"
#include "repository/map/chunk_writer.h"
#include "sources/logical/schema_dump.h"
#include "sources/logical/snapshot_session.h"
#include "sources/logical/table_parts.h"

namespace pgcairn::commands::testing {
namespace {

constexpr size_t kChunkBytes = 700;

void WriteStream(repository::ChunkWriter& writer, uint32_t number, std::string_view bytes) {
  writer.BeginStream(number, nullptr);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kChunkBytes, bytes.size()))) {
    CHECK(writer.Add(AsBytes(bytes.substr(0, kChunkBytes))).ok());
  }
  CHECK(writer.EndStream().ok());
}

postgres::Rows Must(postgres::Connection& connection, const std::string& sql) {
  Result<postgres::Rows> rows = connection.Query(sql);
  CHECK(rows.ok());
  return std::move(rows).value();
}

void ReadTable(postgres::Connection& connection, const sources::TableToCopy& table,
               LogicalBackup& backup) {
  format::LogicalTable& entry = *backup.catalog.add_tables();
  entry.set_oid(table.oid);
  const std::string oid = std::to_string(table.oid);
  postgres::Rows names = Must(
      connection,
      "SELECT n.nspname, c.relname, EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = "
      "c.oid "
      "AND d.deptype = 'e') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.oid = " +
          oid);
  entry.set_schema(*names.rows[0][0]);
  entry.set_name(*names.rows[0][1]);
  entry.set_of_extension(*names.rows[0][2] == "t");
  entry.set_condition(table.condition);
  for (const postgres::Row& row :
       Must(connection,
            "SELECT attname FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT "
            "attisdropped AND attgenerated = '' AND attrelid = " +
                oid + " ORDER BY attnum")
           .rows) {
    entry.add_columns(*row[0]);
  }
  entry.set_parts(1);
  std::string& rows = backup.streams[fmt::format("rows/{}/0", table.oid)];
  Result<uint64_t> copied =
      connection.CopyOut(sources::PartsOf(table).at(0).copy_sql, [&](ByteView row) {
        rows += AsText(row);
        return Status();
      });
  CHECK(copied.ok());
  entry.set_rows(*copied);
  entry.set_bytes(rows.size());
}

std::string Dump(postgres::Connection& connection, const std::string& snapshot) {
  Result<postgres::ClientProgram> pg_dump = postgres::FindClientProgram("pg_dump", 15, "");
  CHECK(pg_dump.ok());
  std::string dumped;
  CHECK(sources::DumpSchema(connection, {*pg_dump, sources::DumpFormat::kCustom, snapshot, {}, 10},
                            [&](ByteView piece) {
                              dumped += AsText(piece);
                              return Status();
                            })
            .ok());
  return dumped;
}

void ReadNames(postgres::Connection& connection, format::LogicalCatalog& catalog) {
  for (const postgres::Row& row :
       Must(connection,
            "SELECT schemaname, sequencename, coalesce(last_value, start_value), "
            "last_value IS NOT NULL FROM pg_catalog.pg_sequences")
           .rows) {
    format::LogicalSequence& sequence = *catalog.add_sequences();
    sequence.set_schema(*row[0]);
    sequence.set_name(*row[1]);
    sequence.set_last_value(*postgres::NumberCell<int64_t>(row[2], "a sequence"));
    sequence.set_is_called(*row[3] == "t");
  }
  for (const postgres::Row& row :
       Must(connection, "SELECT DISTINCT tableowner FROM pg_catalog.pg_tables").rows) {
    catalog.add_roles(*row[0]);
  }
  for (const postgres::Row& row :
       Must(connection, "SELECT extname, extversion FROM pg_catalog.pg_extension").rows) {
    format::LogicalExtension& extension = *catalog.add_extensions();
    extension.set_name(*row[0]);
    extension.set_version(*row[1]);
  }
  for (const postgres::Row& row :
       Must(connection,
            "SELECT schemaname, matviewname FROM pg_catalog.pg_matviews WHERE ispopulated")
           .rows) {
    format::LogicalView& view = *catalog.add_filled_views();
    view.set_schema(*row[0]);
    view.set_name(*row[1]);
  }
}

}  // namespace

format::Manifest CommitStreams(const repository::ClusterAccess& cluster, const std::string& id,
                               const LogicalStreams& streams) {
  repository::PackUploader uploader(cluster.storage, cluster.names, 1, 2);
  repository::MetadataWriter metadata(cluster, uploader);
  PreviousMap previous;
  std::deque<NewLeaf> leaves;
  std::map<uint32_t, std::map<uint32_t, const NewLeaf*>> by_stream;
  repository::ChunkWriter writer(
      cluster, uploader, metadata, 1, nullptr,
      [&](uint32_t stream, uint32_t number, const repository::StoredChunkLeaf& stored) {
        NewLeaf& leaf = leaves.emplace_back();
        leaf.blob = stored.blob;
        for (const repository::PackBytes& use : stored.uses) {
          leaf.uses.push_back({previous.data_packs().NumberOf(use.pack), use.bytes});
        }
        by_stream[stream][number] = &leaf;
      });
  format::Manifest manifest;
  std::vector<PlacedStream> placed;
  for (const auto& [path, bytes] : streams) {
    WriteStream(writer, static_cast<uint32_t>(placed.size()), bytes);
    PlacedStream& stream = placed.emplace_back();
    stream.entry.kind = repository::StreamKind::kChunks;
    stream.entry.root = repository::StreamRoot::kDatabase;
    stream.entry.path = path;
    stream.entry.size = bytes.size();
    manifest.set_stream_bytes(manifest.stream_bytes() + bytes.size());
  }
  CHECK(writer.Flush().ok());
  for (auto& [number, of] : by_stream) {
    for (const auto& [leaf, stored] : of) placed[number].leaves.push_back({stored, 0});
    placed[number].entry.leaf_count = static_cast<uint32_t>(of.size());
  }
  Result<std::vector<repository::PackReference>> packs = metadata.Finish();
  CHECK(packs.ok());
  Result<StoredLists> lists = StoreLists(cluster, uploader, placed, *packs, previous);
  CHECK(lists.ok() && uploader.Finish().ok());
  manifest.set_backup_id(id);
  manifest.set_cluster_name("main");
  manifest.set_type(format::Manifest::FULL);
  manifest.set_method(format::Manifest::LOGICAL);
  manifest.set_stream_count(streams.size());
  for (const repository::BlobReference& at : lists->lists) {
    ToMessage(at.pack, at.location, manifest.add_stream_lists());
  }
  std::vector<repository::StoredPack> needed = lists->packs;
  for (const repository::StoredPack& pack : uploader.Stored()) needed.push_back(pack);
  CHECK(repository::CommitBackup(cluster, manifest, needed).ok());
  return manifest;
}

LogicalBackup ReadDatabase(postgres::Connection& connection) {
  Result<sources::SnapshotSession> session = sources::SnapshotSession::Begin(connection, 10);
  CHECK(session.ok());
  LogicalBackup backup;
  backup.catalog.set_encoding("UTF8");
  backup.catalog.set_server_version_num(static_cast<uint32_t>(connection.server_version_num()));
  for (const sources::TableToCopy& table : session->tables()) {
    ReadTable(connection, table, backup);
  }
  ReadNames(connection, backup.catalog);
  backup.streams["schema.dump"] = Dump(connection, session->name());
  CHECK(session->End().ok());
  return backup;
}

format::Manifest CommitLogical(const repository::ClusterAccess& cluster, const std::string& id,
                               const LogicalBackup& backup) {
  LogicalStreams streams = backup.streams;
  streams["catalog"] = backup.catalog.SerializeAsString();
  return CommitStreams(cluster, id, streams);
}

}  // namespace pgcairn::commands::testing
