#include "commands/server_contents.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/database_streams.h"
#include "postgres/client_programs.h"
#include "postgres/database_facts.h"
#include "sources/logical/schema_dump.h"
#include "sources/logical/table_keys.h"
#include "sources/logical/table_parts.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kBytesOfBlock = 8192;
// Nobody else is on the server.
constexpr int kLockWaitSeconds = 60;

class CopiedRows : public RowReader {
 public:
  explicit CopiedRows(postgres::Connection connection) : connection_(std::move(connection)) {}
  Result<ByteView> Next() override { return connection_.NextCopiedRow(); }

 private:
  postgres::Connection connection_;
};

}  // namespace

Result<std::unique_ptr<ServerContents>> ServerContents::Open(const ServerContentsOptions& options) {
  ASSIGN_OR_RETURN(postgres::Connection connection,
                   postgres::Connection::Open(options.conninfo, "pgcairn"));
  std::unique_ptr<ServerContents> contents(new ServerContents(options, std::move(connection)));
  RETURN_IF_ERROR(contents->Begin().Context("looking at " + options.describe));
  return contents;
}

Status ServerContents::Begin() {
  ASSIGN_OR_RETURN(postgres::DatabaseFacts facts, postgres::ReadDatabaseFacts(connection_));
  // Parts of a table are loaded beside each other. But none by a key: its index may lack rows, and
  // what is in the backup now cannot be mended.
  const uint64_t one_scan_bytes_max = facts.major < 14 ? UINT64_MAX : 0;
  ASSIGN_OR_RETURN(
      sources::SnapshotSession snapshot,
      sources::SnapshotSession::Begin(connection_, kLockWaitSeconds, one_scan_bytes_max));
  snapshot_.emplace(std::move(snapshot));
  ASSIGN_OR_RETURN(database_, sources::ReadDatabaseCatalog(connection_));
  DumpPrograms programs;
  programs.pg_dump.major = facts.major;
  catalog_ = DescribeDatabase({facts, programs, *snapshot_, database_});
  for (size_t i = 0; i < snapshot_->tables().size(); ++i) {
    const sources::TableToCopy& table = snapshot_->tables()[i];
    format::LogicalTable& described = *catalog_.mutable_tables(static_cast<int>(i));
    described.set_bytes(table.blocks * kBytesOfBlock);
    const std::string name = fmt::format("{}.{}", table.schema, table.relation);
    const bool wanted = std::ranges::any_of(options_.tables, [&](const std::string& text) {
      return text == name || text == table.relation;
    });
    if (!wanted) continue;
    RETURN_IF_ERROR(RequireLogged(table));
    RETURN_IF_ERROR(CountRows(table, described));
  }
  return {};
}

Status ServerContents::RequireLogged(const sources::TableToCopy& table) {
  ASSIGN_OR_RETURN(
      std::string persistence,
      connection_.QueryCell("SELECT relpersistence FROM pg_catalog.pg_class WHERE oid = $1",
                            {std::to_string(table.oid)}));
  if (persistence != "u") return {};
  return Error{Code::kRefused,
               fmt::format("{} is unlogged: a physical backup has no rows of it", table.name()),
               "restore it from a logical backup"};
}

Status ServerContents::CountRows(const sources::TableToCopy& table,
                                 format::LogicalTable& described) {
  ASSIGN_OR_RETURN(uint64_t rows, sources::CountWithoutIndexes(connection_, table));
  described.set_rows(rows);
  return {};
}

Status ServerContents::WriteDefinitions(const std::string& path) const {
  sources::SchemaDump dump;
  ASSIGN_OR_RETURN(dump.pg_dump, postgres::FindClientProgram("pg_dump", connection_.server_major(),
                                                             options_.bin_dir));
  dump.snapshot = snapshot_->name();
  dump.lock_wait_s = kLockWaitSeconds;
  ASSIGN_OR_RETURN(UniqueFd file, ::pgcairn::Open(path, O_WRONLY | O_CREAT | O_EXCL));
  RETURN_IF_ERROR(sources::DumpSchema(
      connection_, dump, [&](ByteView piece) { return WriteAll(file.get(), piece, path); }));
  return file.Close(path);
}

Result<uint64_t> ServerContents::BytesOfPart(const format::LogicalTable& table,
                                             uint32_t /*part*/) const {
  if (table.rows() == 0) return uint64_t{0};
  return std::max<uint64_t>(1, table.bytes() / table.parts());
}

Result<std::unique_ptr<RowReader>> ServerContents::Copy(const std::string& sql) const {
  ASSIGN_OR_RETURN(postgres::Connection worker,
                   postgres::Connection::Open(options_.conninfo, "pgcairn"));
  RETURN_IF_ERROR(snapshot_->Join(worker));
  RETURN_IF_ERROR(worker.BeginCopyOut(sql));
  return std::unique_ptr<RowReader>(std::make_unique<CopiedRows>(std::move(worker)));
}

Result<std::unique_ptr<RowReader>> ServerContents::ReadRows(const format::LogicalTable& table,
                                                            uint32_t part) const {
  const auto& tables = snapshot_->tables();
  auto found = std::ranges::find(tables, table.oid(), &sources::TableToCopy::oid);
  CHECK(found != tables.end());
  return Copy(sources::PartsOf(*found).at(part).copy_sql);
}

Result<std::unique_ptr<RowReader>> ServerContents::ReadLargeObjects(uint32_t /*part*/) const {
  return Copy(sources::CopyOfLargeObjects());
}

}  // namespace pgcairn::commands
