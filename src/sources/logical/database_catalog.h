// What a logical backup keeps of a database beside definitions and rows, or must know to restore
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "sources/logical/sequence_values.h"
#include "util/result.h"

namespace pgcairn::sources {

struct LargeObject {
  uint32_t oid = 0;
  uint64_t size = 0;  // bytes
  std::string owner;
  std::vector<std::string> grants;  // statements
  std::optional<std::string> comment;
};

struct Extension {
  std::string name;
  std::string schema;
  std::string version;
};

struct MaterializedView {
  std::string schema;
  std::string name;
};

// A row of a system catalog, which oids name.
struct CatalogObject {
  uint32_t catalog = 0;
  uint32_t oid = 0;
};

struct DatabaseCatalog {
  std::vector<std::string> roles;  // that definitions name: owners, and who was granted something
  std::vector<Extension> extensions;
  std::vector<SequenceValue> sequences;
  std::vector<LargeObject> large_objects;
  std::vector<MaterializedView> filled_views;  // that can be read
  std::vector<std::string> left_out;           // what the role may not read; a line each
  // Tables that the role may not read, and all that cannot be made without them.
  std::vector<CatalogObject> needing_hidden;
  std::vector<std::string> public_grants;  // on the schema public, its owner's too; statements
};

// As the session's transaction sees it. Sequences are not MVCC: their values are those of now,
// never behind those that the snapshot's rows took when this is called after it.
Result<DatabaseCatalog> ReadDatabaseCatalog(postgres::Connection& connection);

// COPY ... TO STDOUT of the pages of all large objects that the role may read, by oid and page.
inline constexpr uint32_t kLargeObjectPageBytes = 256 * 1024;
std::string CopyOfLargeObjects();

}  // namespace pgcairn::sources
