#include "commands/database_streams.h"

#include <fmt/format.h>

#include <utility>

#include "commands/logical_contents.h"
#include "sources/logical/roles_dump.h"
#include "sources/logical/schema_dump.h"
#include "sources/logical/table_keys.h"
#include "sources/logical/table_parts.h"
#include "sources/logical/unsent_row.h"
#include "util/bytes.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kPageBytes = 8192;

StreamSource SchemaStream(const DatabaseToCopy& database, const std::string& path,
                          sources::DumpFormat format, int lock_wait_s) {
  sources::SchemaDump dump{database.programs.pg_dump, format, database.snapshot.name(),
                           database.snapshot.unreadable(), lock_wait_s};
  auto read = [dump](postgres::Connection& worker, const OnPiece& on_piece) -> Result<uint64_t> {
    RETURN_IF_ERROR(sources::DumpSchema(worker, dump, on_piece));
    return uint64_t{0};
  };
  return {path, "definitions of the database", false, {path}, 0, read};
}

StreamSource RolesStream(const DatabaseToCopy& database) {
  sources::RolesDump dump{database.programs.pg_dumpall, database.facts.database,
                          database.facts.superuser};
  auto read = [dump](postgres::Connection& worker, const OnPiece& on_piece) -> Result<uint64_t> {
    RETURN_IF_ERROR(sources::DumpRoles(worker, dump, on_piece));
    return uint64_t{0};
  };
  return {"roles.sql", "roles of the server", false, {"roles.sql"}, 0, read};
}

// Rows move to a neighbouring part where a table grew or was vacuumed.
std::vector<std::string> PartAndNeighbours(const sources::TablePart& part) {
  std::vector<std::string> paths{RowsPath(part.table_oid, part.number)};
  if (part.number > 0) paths.push_back(RowsPath(part.table_oid, part.number - 1));
  paths.push_back(RowsPath(part.table_oid, part.number + 1));
  return paths;
}

Result<uint64_t> CopyPart(const sources::SnapshotSession& snapshot, const sources::TablePart& part,
                          postgres::Connection& worker, const OnPiece& on_piece) {
  uint64_t rows = 0;
  Result<uint64_t> copied = worker.CopyOut(part.copy_sql, [&](ByteView row) {
    ++rows;
    return on_piece(row);
  });
  if (copied.ok()) return copied;
  return sources::NameUnsentRow(snapshot, worker, part, rows, copied.error());
}

void AddParts(const sources::SnapshotSession& snapshot, const sources::TableToCopy& table,
              std::vector<StreamSource>& streams) {
  const std::vector<sources::TablePart> parts = sources::PartsOf(table);
  for (const sources::TablePart& part : parts) {
    std::string what = "table " + table.name();
    if (parts.size() > 1) what += fmt::format(", part {} of {}", part.number + 1, parts.size());
    StreamSource source;
    source.cut = parts.size() == 1;
    source.path = source.cut ? RowsFolder(part.table_oid) : RowsPath(part.table_oid, part.number);
    source.what = std::move(what);
    source.rows = true;
    source.read = [&snapshot, part](postgres::Connection& worker, const OnPiece& on_piece) {
      return CopyPart(snapshot, part, worker, on_piece);
    };
    if (!source.cut) source.known_paths = PartAndNeighbours(part);
    source.bytes_about = (table.blocks + table.toast_blocks) * kPageBytes / parts.size();
    source.may_read = [&table](postgres::Connection& worker) {
      return sources::SnapshotSession::TryLock(worker, table);
    };
    streams.push_back(std::move(source));
  }
}

void DescribeSequences(const sources::DatabaseCatalog& from, format::LogicalCatalog& catalog) {
  for (const sources::SequenceValue& sequence : from.sequences) {
    format::LogicalSequence* added = catalog.add_sequences();
    added->set_schema(sequence.schema);
    added->set_name(sequence.name);
    added->set_last_value(sequence.last_value);
    added->set_is_called(sequence.is_called);
  }
}

void DescribeLargeObjects(const sources::DatabaseCatalog& from, format::LogicalCatalog& catalog) {
  for (const sources::LargeObject& object : from.large_objects) {
    format::LogicalLargeObject* added = catalog.add_large_objects();
    added->set_oid(object.oid);
    added->set_size(object.size);
    added->set_owner(object.owner);
    for (const std::string& grant : object.grants) added->add_grants(grant);
    if (object.comment) added->set_comment(*object.comment);
  }
  catalog.set_large_object_page_bytes(sources::kLargeObjectPageBytes);
  catalog.set_large_object_parts(from.large_objects.empty() ? 0 : 1);
}

format::LogicalTable DescribeTable(const sources::TableToCopy& table) {
  format::LogicalTable described;
  described.set_oid(table.oid);
  described.set_schema(table.schema);
  described.set_name(table.relation);
  for (const std::string& column : table.columns) described.add_columns(column);
  described.set_condition(table.condition);
  described.set_of_extension(table.of_extension);
  described.set_load_schema(table.load_schema);
  described.set_load_name(table.load_relation);
  for (uint32_t other : table.refers_to) described.add_refers_to(other);
  return described;
}

}  // namespace

std::vector<StreamSource> DocumentsOf(const DatabaseToCopy& database, int lock_wait_s) {
  return {SchemaStream(database, "schema.dump", sources::DumpFormat::kCustom, lock_wait_s),
          SchemaStream(database, "schema.sql", sources::DumpFormat::kPlain, lock_wait_s),
          RolesStream(database)};
}

std::vector<StreamSource> RowsOf(const DatabaseToCopy& database) {
  std::vector<StreamSource> streams;
  if (!database.rows) return streams;
  for (const sources::TableToCopy& table : database.snapshot.tables()) {
    AddParts(database.snapshot, table, streams);
  }
  if (database.catalog.large_objects.empty()) return streams;
  StreamSource objects;
  objects.path = LargeObjectsPath(0);
  objects.what = "large objects";
  objects.rows = true;
  objects.read = [](postgres::Connection& worker, const OnPiece& on_piece) {
    return worker.CopyOut(sources::CopyOfLargeObjects(), on_piece);
  };
  objects.known_paths = {objects.path};
  for (const sources::LargeObject& object : database.catalog.large_objects) {
    objects.bytes_about += object.size;
  }
  streams.push_back(std::move(objects));
  return streams;
}

format::LogicalCatalog DescribeDatabase(const DatabaseToCopy& database) {
  format::LogicalCatalog catalog;
  catalog.set_database(database.facts.database);
  catalog.set_encoding(database.facts.encoding);
  catalog.set_server_version_num(static_cast<uint32_t>(database.facts.version_num));
  catalog.set_dump_program(fmt::format("pg_dump {}", database.programs.pg_dump.major));
  for (const std::string& role : database.catalog.roles) catalog.add_roles(role);
  for (const sources::Extension& extension : database.catalog.extensions) {
    format::LogicalExtension* added = catalog.add_extensions();
    added->set_name(extension.name);
    added->set_schema(extension.schema);
    added->set_version(extension.version);
  }
  for (const sources::CatalogObject& object : database.catalog.needing_hidden) {
    format::LogicalObject* added = catalog.add_needing_hidden();
    added->set_catalog(object.catalog);
    added->set_oid(object.oid);
  }
  for (const std::string& grant : database.catalog.public_grants) catalog.add_public_grants(grant);
  if (!database.rows) return catalog;
  for (const sources::MaterializedView& view : database.catalog.filled_views) {
    format::LogicalView* added = catalog.add_filled_views();
    added->set_schema(view.schema);
    added->set_name(view.name);
  }
  for (const sources::TableToCopy& table : database.snapshot.tables()) {
    format::LogicalTable described = DescribeTable(table);
    described.set_parts(static_cast<uint32_t>(sources::PartsOf(table).size()));
    *catalog.add_tables() = std::move(described);
  }
  DescribeSequences(database.catalog, catalog);
  DescribeLargeObjects(database.catalog, catalog);
  return catalog;
}

format::LogicalCatalog DescribeRows(const DatabaseToCopy& database, const StreamCopiers& copied,
                                    size_t first) {
  format::LogicalCatalog catalog = DescribeDatabase(database);
  size_t number = first;
  for (format::LogicalTable& table : *catalog.mutable_tables()) {
    const uint32_t sources = table.parts();
    table.set_parts(0);
    for (uint32_t i = 0; i < sources; ++i) {
      const CopiedSource& source = copied.result(number++);
      table.set_parts(table.parts() + static_cast<uint32_t>(source.streams.size()));
      table.set_rows(table.rows() + source.rows);
      table.set_bytes(table.bytes() + source.bytes());
    }
  }
  return catalog;
}

// In the session that has all locks: a worker's would wait behind whoever waits for the table.
Status RequireRowsOfKeys(const DatabaseToCopy& database, const format::LogicalCatalog& copied) {
  if (!database.rows) return {};
  int number = 0;
  for (const sources::TableToCopy& table : database.snapshot.tables()) {
    const uint64_t rows = copied.tables(number++).rows();
    if (!sources::IsReadByKey(table)) continue;
    RETURN_IF_ERROR(sources::RequireAllRows(database.snapshot.connection(), table, rows));
  }
  return {};
}

StreamSource CatalogStream(const format::LogicalCatalog& catalog) {
  auto read = [text = catalog.SerializeAsString()](postgres::Connection&,
                                                   const OnPiece& on_piece) -> Result<uint64_t> {
    RETURN_IF_ERROR(on_piece(AsBytes(text)));
    return uint64_t{0};
  };
  return {"catalog", "catalog", false, {"catalog"}, 0, read};
}

}  // namespace pgcairn::commands
