// Rows and large objects of a logical backup into a database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/logical_contents.h"
#include "format/logical.pb.h"
#include "sources/logical/load_session.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RowLoad {
  const LogicalContents& contents;
  // Each is there, without rows but those that CREATE EXTENSION made.
  std::vector<const format::LogicalTable*> tables;
  std::string conninfo;
  size_t threads = 1;  // sessions, at most
  ProgressStyle progress = ProgressStyle::kNone;
};

// Parts of tables beside each other, the largest first, each in a transaction of its own. The first
// session that cannot log in ends it; when a later one cannot, fewer do the work. Returns the
// number of rows. kFailed: a table took another number of rows than the backup has of it. Memory:
// one leaf of chunks, at most 64 MiB, for each session.
Result<uint64_t> LoadAllRows(const RowLoad& load);

// All large objects, as they were. One session, one after the other.
Status LoadLargeObjects(const LogicalContents& contents, postgres::Connection& connection);

}  // namespace pgcairn::commands
