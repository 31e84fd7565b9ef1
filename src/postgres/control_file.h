// global/pg_control: what a cluster is and how far it had got at its last checkpoint.
//
// Source: src/include/catalog/pg_control.h of the branches REL_13 to REL_18 (control versions 1300,
// 1700 and 1800); catalog versions from src/include/catalog/catversion.h of their releases.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "postgres/lsn.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

// The file's fixed length; what is used of it fits into one 512-byte sector.
inline constexpr size_t kControlFileSize = 8192;
inline constexpr char kControlFilePath[] = "global/pg_control";

enum class ClusterState {
  kStartingUp = 0,
  kShutDown = 1,
  kShutDownInRecovery = 2,
  kShuttingDown = 3,
  kInCrashRecovery = 4,
  kInArchiveRecovery = 5,
  kInProduction = 6,
};

enum class WalLevel { kMinimal = 0, kReplica = 1, kLogical = 2 };

struct ControlFile {
  SystemIdentifier system_identifier;
  uint32_t control_version = 0;
  uint32_t catalog_version = 0;
  // 13 to 18, from the catalog version.
  int major_version = 0;
  ClusterState state = ClusterState::kStartingUp;
  // When the file was last written; seconds since 1970, UTC.
  int64_t update_time_s = 0;

  // The newest checkpoint: where its record starts, where replay from it must start, and what it
  // says of the cluster.
  Lsn checkpoint;
  Lsn checkpoint_redo;
  TimelineId checkpoint_timeline;
  // Another one than checkpoint_timeline only when the checkpoint began a timeline.
  TimelineId previous_timeline;
  bool full_page_writes = false;
  // 64 bits: epoch and transaction id.
  uint64_t next_xid = 0;
  uint32_t next_oid = 0;
  int64_t checkpoint_time_s = 0;

  // 0 unless the cluster is or was in recovery.
  Lsn minimum_recovery_point;
  TimelineId minimum_recovery_timeline;
  Lsn backup_start_point;
  Lsn backup_end_point;
  bool backup_end_required = false;

  WalLevel wal_level = WalLevel::kMinimal;
  bool wal_log_hints = false;
  uint32_t max_connections = 0;
  uint32_t max_worker_processes = 0;
  uint32_t max_wal_senders = 0;
  uint32_t max_prepared_xacts = 0;
  uint32_t max_locks_per_xact = 0;
  bool track_commit_timestamp = false;

  // Always 8192: others are refused.
  uint32_t block_size = 0;
  // Pages in one file of a relation; 131072 (1 GiB) unless PostgreSQL was built otherwise.
  uint32_t relseg_size_pages = 0;
  uint32_t wal_block_size = 0;
  // A power of two from 1 MiB to 1 GiB.
  uint32_t wal_segment_size = 0;
  // 0 when data checksums are off.
  uint32_t data_checksum_version = 0;

  bool data_checksums() const { return data_checksum_version != 0; }
};

// The directory inside every tablespace that belongs to this major version: "PG_15_202209061".
std::string TablespaceVersionDirectory(const ControlFile& control);

// `bytes` is the file from its start; more than its first 512 bytes are not looked at. Errors:
// kDamaged for a short file, a wrong CRC or a value that cannot be; kUnsupported for a version that
// is not 13 to 18, another architecture, a block size other than 8192, unknown checksums.
Result<ControlFile> ParseControlFile(ByteView bytes);

struct ControlFileRead {
  // As on disk: kControlFileSize bytes.
  Bytes bytes;
  ControlFile control;
};

// Reads the file of a data directory, again when the server was writing it at that moment: takes
// at most a few seconds. Two equal reads that are both wrong end with ParseControlFile's error.
// Other errors: kNotFound, kPermission, kStorage.
Result<ControlFileRead> ReadControlFile(const std::string& data_directory);

// The same for bytes that come from elsewhere: `read` returns the whole file each time it is
// called, and its errors end the reading. `name` is for messages.
Result<ControlFileRead> ReadControlFileFrom(const std::function<Result<Bytes>()>& read,
                                            std::string_view name);

}  // namespace pgcairn::postgres
