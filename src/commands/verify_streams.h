// Proves what a backup's manifest refers to: stream lists, map leaves, every unit; and that nothing
// is missing which a backup of its method must have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "commands/proven_leaves.h"
#include "commands/verify_report.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/pack/proven_packs.h"
#include "util/progress.h"

namespace pgcairn::commands {

struct StreamCheck {
  const repository::ClusterAccess& cluster;  // whose storage is `packs`
  const repository::ProvenPacks& packs;
  const format::Manifest& manifest;
  // The manifest's list; null when it cannot be read: then nothing is held against it.
  const std::vector<repository::StoredPack>* references = nullptr;
  // When given, in rising order: what lies in other packs was proven before. It is not read, but
  // for leaves that one in these packs patches, and a logical backup's catalog.
  const std::vector<repository::StoredPack>* only_in = nullptr;
  size_t threads = 1;
  Progress& progress;
  ProvenLeaves& proven;
};

// Damage goes into the findings, but for packs that are bad as a whole and stand in the reference
// list: `packs` knows those. Pages that were bad on the server already are no damage. Returns the
// number of pages whose checksum was looked at. Memory: about 6 MiB for each thread, and one stream
// list; of a logical backup also its catalog twice, and 16 bytes for each stream.
uint64_t VerifyStreams(const StreamCheck& check, Findings& findings);

}  // namespace pgcairn::commands
