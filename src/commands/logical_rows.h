// Rows and large objects of a logical backup into a database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commands/database_contents.h"
#include "format/logical.pb.h"
#include "sources/logical/load_session.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RowLoad {
  const DatabaseContents& contents;
  // Each is there, without rows but those that CREATE EXTENSION made.
  std::vector<const format::LogicalTable*> tables;
  std::string conninfo;
  size_t threads = 1;  // sessions, at most
  ProgressStyle progress = ProgressStyle::kNone;
  // Of the tables, by their oid in the backup, those whose rows make room in the transaction that
  // loads them: which of the backup's columns they have, in its order, one at least.
  std::map<uint32_t, std::vector<std::string>> replaced = {};
};

struct LoadedRows {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of their text
};

// Parts of tables beside each other, the largest first, each in a transaction of its own; before
// them, where keys and triggers fire, those of extensions, whose keys are there already, in one
// transaction and the order of `tables`. The first
// session that cannot log in ends it; when a later one cannot, fewer do the work. Returns what each
// of the tables took. kFailed: that is another number of rows than the contents have of it. Memory:
// one leaf of chunks, at most 64 MiB, for each session.
Result<std::vector<LoadedRows>> LoadAllRows(const RowLoad& load);

// All large objects, as they were, but that those stay the role's own whose owner `may_give` does
// not let it give them to. One session, one after the other.
Status LoadLargeObjects(const DatabaseContents& contents, postgres::Connection& connection,
                        const std::function<bool(const std::string& owner)>& may_give);

}  // namespace pgcairn::commands
