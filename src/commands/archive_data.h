// Puts what a logical backup keeps beside the definitions into their archive, as pg_dump would have
// put it there: so that pg_restore, with jobs or without, finds it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "format/logical.pb.h"
#include "postgres/dump_archive.h"
#include "util/result.h"

namespace pgcairn::commands {

// What has to be written beside toc.dat.
struct ArchiveFiles {
  struct Table {
    const format::LogicalTable* table = nullptr;
    std::string file;
  };
  std::vector<Table> tables;
  // Files of statements that run before rows are loaded or behind them, and what is in them.
  std::vector<std::pair<std::string, std::string>> statements;
  std::string large_objects;  // the list of their files; empty without large objects
};

// `archive` holds definitions alone; `catalog` outlives the result. kDamaged: it lacks a table.
Result<ArchiveFiles> AddData(const format::LogicalCatalog& catalog, postgres::DumpArchive& archive);

// The file of a large object's bytes, and its line in the list.
std::string LargeObjectFile(uint32_t oid);
std::string LargeObjectLine(uint32_t oid);

}  // namespace pgcairn::commands
