// Backups of a directory that a test changes as it likes, in a repository in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "commands/backup_base.h"
#include "commands/copy_files.h"
#include "crypto/sha256.h"
#include "format/checkpoint.pb.h"
#include "postgres/external_config.h"
#include "repository/testing/memory_cluster.h"
#include "sources/physical/page_reader.h"
#include "storage/testing/faulty_storage.h"
#include "storage/testing/scratch_directory.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands::testing {

// Hashes, because a test keeps many of them.
using FileHashes = std::map<std::string, crypto::Sha256Digest>;

struct DirectoryBackup {
  std::string id;
  format::Manifest manifest;
  CopyResult copied;
  FileHashes files;  // as they were when they were listed
  sources::PageFindings findings;
};

struct DirectoryBackupOptions {
  bool full = false;
  // All stamps are trusted: edits change the time of a file for certain.
  CompareRules rules{CompareReason::kNone, INT64_MAX};
  double live_share_min = 0.5;  // 0: no pack is emptied
  // Not empty: these are emptied, whatever the other rules say, and as much may be spent as needed.
  std::vector<crypto::Sha256Digest> empty_packs;
  size_t threads = 2;
  bool data_checksums = false;
  postgres::Lsn start;
  postgres::Lsn insert_position;
  std::function<void()> after_listing = [] {};
  std::function<void(PreviousMap&)> change_map = [](PreviousMap&) {};
};

class DirectoryBackups {
 public:
  static constexpr uint64_t kSystem = 7;

  DirectoryBackups();

  // Below `source`; files get a new time with every edit. A file that is not there is made.
  void Write(const std::string& path, ByteView content);
  void WriteInto(const std::string& path, uint64_t offset, ByteView bytes);
  void Resize(const std::string& path, uint64_t size);
  void Remove(const std::string& path);
  void Rename(const std::string& from, const std::string& to);
  // Takes the time of a file back to what it was before the last edit.
  void SetTime(const std::string& path, int64_t mtime_ns);
  int64_t TimeOf(const std::string& path) const;
  uint64_t SizeOf(const std::string& path) const;
  Bytes ReadSource(const std::string& path) const;
  std::vector<std::string> Files() const;
  std::string PathOf(const std::string& path) const { return source_ + "/" + path; }
  std::vector<postgres::ExternalFile>& external() { return external_; }

  // Takes the newest backup as its base and commits the new one.
  Result<std::shared_ptr<DirectoryBackup>> Backup(const DirectoryBackupOptions& options = {});

  // Restores it through a storage that has no packs but those of its reference list. Configuration
  // from outside has names that begin with "config:".
  Result<FileHashes> Restore(const DirectoryBackup& backup);

  // The packs of its reference list.
  std::set<crypto::Sha256Digest> References(const DirectoryBackup& backup) const;
  // What its lists, leaves and their bases lie in, and all units of the leaves: found by reading.
  std::set<crypto::Sha256Digest> NeededByReading(const DirectoryBackup& backup) const;
  // What a run that stored the same, but ended before its manifest, leaves for the next one.
  format::Checkpoint AsCheckpoint(const DirectoryBackup& backup) const;
  // Manifest, reference list, and the packs that no other backup names.
  void Delete(const DirectoryBackup& backup);

  Result<BackupBase> Base() const;
  const repository::ClusterAccess& cluster() const { return *cluster_.access; }
  storage::FaultyStorage& storage() { return *storage_; }
  std::set<crypto::Sha256Digest> StoredPacks() const;

 private:
  void Touch(const std::string& path);
  FileHashes HashSource() const;

  storage::ScratchDirectory scratch_;
  const std::string source_ = scratch_.path() + "/source";
  std::shared_ptr<storage::FaultyStorage> storage_ =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(storage_);
  std::vector<postgres::ExternalFile> external_;
  int64_t next_mtime_s_ = 1'700'000'000;
  int backups_ = 0;
  int restores_ = 0;
};

}  // namespace pgcairn::commands::testing
