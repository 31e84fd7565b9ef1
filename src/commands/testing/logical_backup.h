// Logical backups that a test writes, of streams that it made up or of a real database.
#pragma once

#include <map>
#include <string>

#include "format/logical.pb.h"
#include "format/manifest.pb.h"
#include "postgres/connection.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands::testing {

// Their bytes, by path.
using LogicalStreams = std::map<std::string, std::string>;

// Commits a backup with exactly these streams, in chunks of some hundred bytes.
format::Manifest CommitStreams(const repository::ClusterAccess& cluster, const std::string& id,
                               const LogicalStreams& streams);

// What a backup of a database consists of.
struct LogicalBackup {
  format::LogicalCatalog catalog;
  LogicalStreams streams;  // without the catalog
};

// Tables, sequences and extensions of the database that the connection is to, every table in one
// part, and its definitions by the real pg_dump; no large objects, and the roles that own tables.
LogicalBackup ReadDatabase(postgres::Connection& connection);

// The same as CommitStreams, with the catalog.
format::Manifest CommitLogical(const repository::ClusterAccess& cluster, const std::string& id,
                               const LogicalBackup& backup);

}  // namespace pgcairn::commands::testing
