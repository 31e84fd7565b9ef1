// Proves the archived WAL of one PostgreSQL cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "format/manifest.pb.h"
#include "postgres/lsn.h"
#include "repository/cluster_access.h"
#include "storage/hiding/hiding_storage.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// "000000010000000000000005.partial": the file of a WAL object's name, and its PostgreSQL cluster.
struct WalPlace {
  uint64_t system_identifier = 0;
  std::string file;
};
// Nothing when the name is not that of a WAL object of this cluster.
std::optional<WalPlace> ParseWalObjectName(const repository::ClusterNames& names,
                                           std::string_view object);

struct WalCheck {
  const repository::ClusterAccess& cluster;  // whose storage reads through `hiding`
  storage::HidingStorage& hiding;
  uint64_t system_identifier = 0;
  uint64_t segment_bytes = 0;
  // Of the backups of that PostgreSQL cluster that are to be verified, oldest first.
  const std::vector<const format::Manifest*>& manifests;
  // Segments before the oldest of these backups, too.
  bool all = true;
  size_t threads = 1;
  Progress& progress;
};

struct WalCounts {
  uint64_t files = 0;
  uint64_t stored_bytes = 0;
};

// Every object: fetched, opened, held against its content identity, its name, the summary that is
// kept with it and the manifests that name it. Then: whether the segments follow one another from
// each backup's start to the newest of each timeline. Damaged objects are hidden from then on.
// Memory: two segments for each of at most `threads` threads, together at most 96 MiB or one
// thread's.
WalCounts VerifyWal(const WalCheck& check, Findings& findings);

}  // namespace pgcairn::commands
