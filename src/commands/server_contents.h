// A database of a running server as what a restore takes from.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands/database_contents.h"
#include "postgres/connection.h"
#include "sources/logical/database_catalog.h"
#include "sources/logical/snapshot_session.h"
#include "util/result.h"

namespace pgcairn::commands {

struct ServerContentsOptions {
  std::string conninfo;
  std::string describe;  // for messages: "the database app at ..."
  std::string bin_dir;   // of pg_dump; may be empty
  // As the user names them: their rows are counted.
  std::vector<std::string> tables;
};

// One moment of the database: a snapshot, whose tables are locked. Rows go from server to server.
// Neither copied nor moved, for readers join its snapshot.
class ServerContents : public DatabaseContents {
 public:
  // kRefused: one of `tables` is unlogged, so that its rows did not survive recovery. Those of
  // Connection and SnapshotSession.
  static Result<std::unique_ptr<ServerContents>> Open(const ServerContentsOptions& options);

  ServerContents(const ServerContents&) = delete;
  ServerContents& operator=(const ServerContents&) = delete;
  ~ServerContents() override = default;

  const format::LogicalCatalog& catalog() const override { return catalog_; }
  const std::vector<std::string>& left_out() const override { return database_.left_out; }
  std::string Describe() const override { return options_.describe; }
  // kNotFound: there is no pg_dump that reads such a server; the error names the package.
  Status WriteDefinitions(const std::string& path) const override;
  Result<uint64_t> BytesOfPart(const format::LogicalTable& table, uint32_t part) const override;
  Result<std::unique_ptr<RowReader>> ReadRows(const format::LogicalTable& table,
                                              uint32_t part) const override;
  Result<std::unique_ptr<RowReader>> ReadLargeObjects(uint32_t part) const override;

 private:
  ServerContents(ServerContentsOptions options, postgres::Connection connection)
      : options_(std::move(options)), connection_(std::move(connection)) {}
  Status Begin();
  Status CountRows(const sources::TableToCopy& table, format::LogicalTable& described);
  Status RequireLogged(const sources::TableToCopy& table);
  Result<std::unique_ptr<RowReader>> Copy(const std::string& sql) const;

  const ServerContentsOptions options_;
  postgres::Connection connection_;
  std::optional<sources::SnapshotSession> snapshot_;
  sources::DatabaseCatalog database_;
  format::LogicalCatalog catalog_;
};

}  // namespace pgcairn::commands
