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
// Those of one section alone, without what they need.
Result<std::vector<ArchiveEntry>> ListSection(const SchemaArchive& archive, SchemaSection section);

// What SQL says of owners.
enum class OwnersInScript {
  kGiven,  // each object gets its owner
  kNone,   // whoever runs it is the owner of all
};

// The SQL of these entries, in this order but for privileges, which come last: statements for
// RunScript, without psql's own commands and without the setting of ScriptHead. `list_path` is a
// file to write, beside the dump.
Result<std::string> ScriptOf(const SchemaArchive& archive, const std::vector<uint32_t>& ids,
                             OwnersInScript owners, const std::string& list_path);

// These entries alone, as the role of `connection`, several sessions beside each other where the
// server takes them from pg_restore itself (schema_script.h). Errors: kFailed with the program's
// own words; some of them may be there then.
Status RestoreBeside(const postgres::Connection& connection, const SchemaArchive& archive,
                     const std::vector<uint32_t>& ids, size_t jobs, const std::string& list_path);

// These entries alone, in one transaction. `list_path` is a file to write, beside the dump.
Status RestoreEntries(const postgres::Connection& connection, const SchemaArchive& archive,
                      const std::vector<uint32_t>& ids, const std::string& list_path);

}  // namespace pgcairn::sources
