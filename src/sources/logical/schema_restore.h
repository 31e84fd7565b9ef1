// The definitions of a backup into a database, by the real pg_restore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "postgres/client_programs.h"
#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

// A dump in custom format, as a file: pg_restore reads it in its own order.
struct SchemaArchive {
  postgres::ClientProgram pg_restore;
  std::string path;
};

enum class SchemaSection {
  kPreData,   // what rows can be put into
  kPostData,  // indexes, constraints, triggers, policies, publications
};

// Of the section everything, with the privileges and comments, in the database that `connection` is
// to, as its role. With one job the section is one transaction; with more, several sessions make
// indexes beside each other, where the server takes them from pg_restore itself (schema_script.h).
// Errors: kFailed with the program's own words.
Status RestoreSection(const postgres::Connection& connection, const SchemaArchive& archive,
                      SchemaSection section, size_t jobs);

// An entry of the dump's table of contents.
struct ArchiveEntry {
  uint32_t id = 0;       // in the dump
  uint32_t catalog = 0;  // oid of the system catalog that holds the object; 0: no object of its own
  uint32_t oid = 0;      // of the object, at the source
  std::string text;      // "INDEX public orders_idx owner": kind, schema, name, owner
  std::vector<uint32_t> needs;  // ids of others, as far as the dump names them
};

// In the order of restoring. kDamaged: what pg_restore says is no such list.
Result<std::vector<ArchiveEntry>> ListArchive(const SchemaArchive& archive);

// These entries alone, in one transaction. `list_path` is a file to write, beside the dump.
Status RestoreEntries(const postgres::Connection& connection, const SchemaArchive& archive,
                      const std::vector<uint32_t>& ids, const std::string& list_path);

}  // namespace pgcairn::sources
