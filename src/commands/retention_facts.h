// What retention decides by, read from a repository.
#pragma once

#include <cstdint>

#include "commands/retention.h"
#include "format/manifest.pb.h"
#include "postgres/lsn.h"
#include "repository/cluster_access.h"
#include "repository/notes/note_store.h"
#include "repository/wal_store/wal_store.h"
#include "util/result.h"

namespace pgcairn::commands {

// A backup with a note that cannot be read is held. What damage was found in its packs the manifest
// does not know.
BackupFacts FactsOf(const format::Manifest& manifest, const repository::BackupNotes& notes);

// The archive of `wal`'s cluster, which outlives the result, and what the newest segment of each
// timeline says of its time. Errors: as Archive::Read.
Result<ArchivedWal> ReadArchivedWal(const repository::WalStore& wal, uint64_t segment_bytes);

}  // namespace pgcairn::commands
