// The table of contents of an archive that pg_dump wrote: read from its custom format, written as
// its directory format has it. Facts: WriteHead, WriteToc and ReadToc of
// src/bin/pg_dump/pg_backup_archiver.c, _WriteExtraToc of pg_backup_custom.c and
// pg_backup_directory.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

// As pg_dump numbers them (teSection in src/bin/pg_dump/pg_backup.h).
enum class ArchiveSection : uint32_t { kNone = 1, kPreData = 2, kData = 3, kPostData = 4 };

// An object or its data. Texts that pg_dump left out are nothing, which is not "".
struct ArchiveItem {
  uint32_t id = 0;        // never 0; others refer to it
  bool has_data = false;  // in `file`
  uint32_t catalog = 0;   // oid of the system catalog that holds the object; 0: none
  uint32_t oid = 0;
  std::optional<std::string> tag;   // its name
  std::optional<std::string> kind;  // "TABLE", "TABLE DATA"
  ArchiveSection section = ArchiveSection::kNone;
  std::optional<std::string> definition;
  std::optional<std::string> drop;
  std::optional<std::string> copy;  // the statement that takes the data
  std::optional<std::string> schema;
  std::optional<std::string> tablespace;
  std::optional<std::string> table_access_method;
  uint32_t relation_kind = 0;
  std::optional<std::string> owner;
  std::vector<uint32_t> needs;  // ids, also such as the archive does not have
  std::string file;             // in the archive's folder; empty without data
};

// The definition of a table that holds rows of its own, of whatever name.
bool IsTable(const ArchiveItem& item);

struct DumpArchive {
  int minor_version = 0;           // of the format 1.x
  Bytes head;                      // what comes before the items, as it was
  std::vector<ArchiveItem> items;  // in the order of restoring
};

// `archive` is one of the format's versions 1.14 to 1.16 (PostgreSQL 12 to 18); what follows the
// table of contents is not looked at. kUnsupported: another version. kDamaged.
Result<DumpArchive> ReadDumpArchive(ByteView archive);

// The content of toc.dat.
Bytes DirectoryContents(const DumpArchive& archive);

}  // namespace pgcairn::postgres
