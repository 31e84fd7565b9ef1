// Proves what a backup's manifest refers to: stream lists, map leaves, every unit.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "commands/verify_report.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/pack/proven_packs.h"
#include "util/progress.h"

namespace pgcairn::commands {

// Leaves whose units were all proven, with the packs that these need: the next backup shares most
// of them. Remembers those of the backup at hand and of the one before it, so that memory is that
// of two backups. Any thread, but for BeginBackup.
class ProvenLeaves {
 public:
  // As repository::ProvenPacks counts them.
  using Packs = std::vector<uint32_t>;

  void BeginBackup();
  // Nothing when the leaf was not proven.
  std::optional<Packs> PacksOf(uint64_t leaf);
  void Add(uint64_t leaf, Packs packs);

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, Packs> leaves_;
  std::unordered_map<uint64_t, Packs> leaves_before_;
};

struct StreamCheck {
  const repository::ClusterAccess& cluster;  // whose storage is `packs`
  const repository::ProvenPacks& packs;
  const format::Manifest& manifest;
  // The manifest's list; null when it cannot be read: then nothing is held against it.
  const std::vector<repository::StoredPack>* references = nullptr;
  // When given, in rising order: what lies in other packs was proven before. It is not read, but
  // for leaves that one in these packs patches.
  const std::vector<repository::StoredPack>* only_in = nullptr;
  size_t threads = 1;
  Progress& progress;
  ProvenLeaves& proven;
};

// Damage goes into the findings, but for packs that are bad as a whole and stand in the reference
// list: `packs` knows those. Pages that were bad on the server already are no damage. Returns the
// number of pages whose checksum was looked at. Memory: about 6 MiB for each thread, and one stream
// list.
uint64_t VerifyStreams(const StreamCheck& check, Findings& findings);

}  // namespace pgcairn::commands
