// Proves what a backup's manifest refers to: stream lists, map leaves, every unit.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "commands/verify_report.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/pack/proven_packs.h"
#include "util/progress.h"

namespace pgcairn::commands {

// Leaves whose units were all proven: backups share them. Any thread.
class ProvenLeaves {
 public:
  bool Has(uint64_t leaf) const;
  void Add(uint64_t leaf);

 private:
  mutable std::mutex mutex_;
  std::unordered_set<uint64_t> leaves_;
};

struct StreamCheck {
  const repository::ClusterAccess& cluster;  // whose storage is `packs`
  const repository::ProvenPacks& packs;
  const format::Manifest& manifest;
  // The manifest's list; null when it cannot be read: then nothing is held against it.
  const std::vector<repository::StoredPack>* references = nullptr;
  size_t threads = 1;
  Progress& progress;
  ProvenLeaves& proven;
};

// Damage goes into the findings, but for packs that are bad as a whole: `packs` knows those. Pages
// that were bad on the server already are no damage. Returns the number of pages whose checksum was
// looked at. Memory: about 6 MiB for each thread, and one stream list.
uint64_t VerifyStreams(const StreamCheck& check, Findings& findings);

}  // namespace pgcairn::commands
