// Notes on backups, and records of deletions (docs/format.md, section 13).
//
// A manifest never changes; what is said of its backup later stands in notes beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/notes.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::repository {

// All notes on one backup, merged: of each field the newest statement. The order is that of the
// notes' numbers; clocks have no say.
struct BackupNotes {
  bool pinned = false;
  std::optional<std::string> note;  // nothing: the manifest's counts
  std::optional<format::Verification> verified;
  // Notes that cannot be read, one message each. What they say is not known: such a backup has to
  // be treated as a pinned one.
  std::vector<std::string> unreadable;
};

// Puts `note` after all others on that backup and fills in host and time. Durable when it returns
// OK. Notes that are put at the same time each get a number of their own.
Status PutNote(const ClusterAccess& cluster, const std::string& backup_id, format::BackupNote note);

// Errors are those of listing: a note that cannot be read is in `unreadable`.
Result<BackupNotes> ReadNotes(const ClusterAccess& cluster, const std::string& backup_id);

// Of all backups that have notes, by id, also of those that are gone.
Result<std::map<std::string, BackupNotes>> ReadAllNotes(const ClusterAccess& cluster);

// Removes the notes on a backup that was deleted. OK also when there are none.
Status DeleteNotes(const ClusterAccess& cluster, const std::string& backup_id);

// Fills in host and time. Durable when it returns OK. kAlreadyExists: that prune has its record.
// When there are more than a handful of records, they are merged: this one says what they said, and
// they are removed after it was put. Any number of prunes may do so at the same time, and be
// stopped anywhere: what a record said always stands in one that was put later.
Status PutDeletion(const ClusterAccess& cluster, format::Deletion deletion);

struct Deletions {
  std::vector<format::Deletion> records;  // of one prune each; some may be there twice
  std::vector<std::string> unreadable;    // as in BackupNotes
};
Result<Deletions> ReadDeletions(const ClusterAccess& cluster);

}  // namespace pgcairn::repository
