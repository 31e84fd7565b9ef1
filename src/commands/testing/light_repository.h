// A repository in memory whose packs hold nothing: for thousands of runs beside each other.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "format/manifest.pb.h"
#include "repository/pack/pack_reference.h"
#include "repository/testing/memory_cluster.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::commands::testing {

// Packs go by number here, WAL segments by their number on timeline 1.
class LightRepository {
 public:
  static constexpr uint64_t kSystem = 0x1234;
  static constexpr uint64_t kSegmentBytes = 1 << 20;

  LightRepository();

  const std::shared_ptr<storage::MemoryStorage>& storage() const { return storage_; }
  const repository::ClusterAccess& cluster() const { return *cluster_.access; }
  // The same cluster through another storage, which outlives it.
  std::unique_ptr<repository::ClusterAccess> Through(storage::Storage& storage) const;

  void AddBackup(const std::string& id, const std::vector<int>& packs, uint64_t first_segment);
  void AddPack(int number);
  void AddSegment(uint64_t number, uint32_t timeline = 1);
  // As an unfinished run leaves them; TakeInventory looks at the header alone.
  void AddCheckpoint(const std::string& run_id, const std::vector<int>& packs);

  bool HasBackup(const std::string& id) const;
  bool HasPack(int number) const;
  bool HasSegment(uint64_t number) const;
  // Names of all objects below the cluster that are in none of the folders of keys, packs, backups
  // and WAL: leases, trash, checkpoints, notes.
  std::vector<std::string> Traces() const;

  static std::string SegmentName(uint64_t number, uint32_t timeline = 1);
  std::string SegmentObject(uint64_t number, uint32_t timeline = 1) const;
  static crypto::Sha256Digest PackId(int number);
  static Bytes PackContent(int number);
  static format::Manifest ManifestOf(const std::string& id, uint64_t first_segment);
  static repository::StoredPack StoredPackOf(int number);

  // Every manifest's reference list can be read, every pack in it is there, and every segment.
  Status Whole() const;

 private:
  std::shared_ptr<storage::MemoryStorage> storage_ = std::make_shared<storage::MemoryStorage>();
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(storage_);
};

// What a backup does to the repository, step by step as docs/adr/0007 demands; its base is the
// newest backup.
struct BackupRun {
  std::string id;
  std::vector<int> new_packs;
  uint64_t first_segment = 0;
  std::string resumes;  // goes on from that run's checkpoint
  // Taken out to show that a test notices.
  bool reads_trash = true;
  bool looks_for_base = true;

  // Filled in.
  bool used_base = false;

  Status Run(const repository::ClusterAccess& cluster);
};

// Reads all that a backup needs. When the base was found safe, that must succeed.
struct RestoreRun {
  std::string id;
  std::string base;
  bool base_was_safe = false;
  Status Run(const repository::ClusterAccess& cluster);
};

}  // namespace pgcairn::commands::testing
