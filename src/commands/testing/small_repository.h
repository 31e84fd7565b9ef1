// A small repository in memory with two backups, their WAL and a second timeline.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/manifest.pb.h"
#include "format/wal.pb.h"
#include "repository/pack/pack_reference.h"
#include "repository/testing/memory_cluster.h"
#include "storage/memory/memory_storage.h"
#include "storage/testing/scratch_directory.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands::testing {

// What a restore brings back: paths and bytes of files, and what the manifest holds of them.
using RestoredTree = std::map<std::string, Bytes>;

class SmallRepository {
 public:
  static constexpr uint64_t kSegmentBytes = 1 << 20;
  static constexpr char kFirst[] = "20240101_020000-0001";
  static constexpr char kSecond[] = "20240102_020000-0002";

  // Two of them hold other backups under the same names. Segments of 1 MiB: 3 to 6 of timeline 1,
  // 7 and 8 of timeline 2, which left timeline 1 in segment 7; 7.partial of timeline 1, backup
  // history files. The first backup needs 3 and 4, the second 5.
  SmallRepository();

  const std::shared_ptr<storage::MemoryStorage>& storage() const { return storage_; }
  const repository::ClusterAccess& cluster() const { return *cluster_.access; }
  uint64_t system() const { return system_; }

  // Another backup with the same streams as the second, after `edit` has changed its manifest.
  void CommitSharing(const std::string& id, const std::function<void(format::Manifest&)>& edit);
  const format::Manifest& second() const { return second_; }
  const std::vector<repository::StoredPack>& second_packs() const { return second_packs_; }

  // A segment without records, as that PostgreSQL cluster would write it.
  static Bytes Segment(uint32_t timeline, uint64_t number, uint64_t system);
  void PushSegment(uint32_t timeline, uint64_t number);
  void PushWal(const std::string& name, ByteView file, format::WalInfo info);
  std::string WalObject(uint32_t timeline, uint64_t number) const;

  // Names of all objects, sorted.
  std::vector<std::string> Objects() const;

 private:
  void WriteSource(uint64_t version);
  void Backup(const std::string& id, uint64_t first, uint64_t last);

  std::shared_ptr<storage::MemoryStorage> storage_ = std::make_shared<storage::MemoryStorage>();
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(storage_);
  storage::ScratchDirectory scratch_;
  uint64_t system_ = 0;
  format::Manifest second_;
  std::vector<repository::StoredPack> second_packs_;
};

// Opens the cluster as a command does and restores the newest backup that reaches the end of the
// archived WAL, with every WAL file that recovery reads; `id` names the backup, or "latest".
Result<RestoredTree> RestoreTree(const std::shared_ptr<storage::Storage>& storage,
                                 const std::string& id);

}  // namespace pgcairn::commands::testing
