// Everything that lies below a cluster but packs, name by name: a prune deletes nothing beside what
// it does not know.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "repository/cluster_access.h"
#include "repository/manifest/manifest_store.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct ArchivedFile {
  std::string object;  // its whole name
  uint64_t system_identifier = 0;
  std::string file;  // PostgreSQL's name
  uint64_t size_bytes = 0;
};

// What an unfinished backup left to go on from.
struct Checkpoints {
  std::vector<std::string> objects;
  Timestamp newest_at;  // by the storage's clock
};

struct Inventory {
  repository::BackupNames backups;
  std::vector<ArchivedFile> wal;                   // timeline history files are not among them
  std::map<std::string, Checkpoints> checkpoints;  // by the id of the run
  std::vector<crypto::Sha256Digest> damaged;       // recorded as damaged or missing, rising
};

// kRefused: a name, or the kind, version or feature of a document, that this program does not know;
// the message names the first ones. Of packs and WAL objects only names are looked at, of packs not
// even those: pack_selection.h does that. Memory: the names of all archived files.
Result<Inventory> TakeInventory(const repository::ClusterAccess& cluster);

// The refusal for what `names` names.
Error UnknownNames(const std::vector<std::string>& names);

}  // namespace pgcairn::commands
