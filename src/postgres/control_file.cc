#include "postgres/control_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <optional>
#include <thread>

#include "postgres/crc32c.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

// Where the fields lie, on every 64-bit little-endian machine (8-byte alignment).
constexpr size_t kSystemIdentifierAt = 0;
constexpr size_t kControlVersionAt = 8;
constexpr size_t kCatalogVersionAt = 12;
constexpr size_t kStateAt = 16;
constexpr size_t kUpdateTimeAt = 24;
constexpr size_t kCheckpointAt = 32;
constexpr size_t kRedoAt = 40;
constexpr size_t kTimelineAt = 48;
constexpr size_t kPreviousTimelineAt = 52;
constexpr size_t kControlFullPageWritesAt = 56;
constexpr size_t kNextXidAt = 64;
constexpr size_t kNextOidAt = 72;
constexpr size_t kCheckpointTimeAt = 104;
constexpr size_t kMinimumRecoveryPointAt = 136;
constexpr size_t kMinimumRecoveryTimelineAt = 144;
constexpr size_t kBackupStartPointAt = 152;
constexpr size_t kBackupEndPointAt = 160;
constexpr size_t kBackupEndRequiredAt = 168;
constexpr size_t kWalLevelAt = 172;
constexpr size_t kWalLogHintsAt = 176;
constexpr size_t kMaxConnectionsAt = 180;
constexpr size_t kMaxWorkerProcessesAt = 184;
constexpr size_t kMaxWalSendersAt = 188;
constexpr size_t kMaxPreparedXactsAt = 192;
constexpr size_t kMaxLocksPerXactAt = 196;
constexpr size_t kTrackCommitTimestampAt = 200;
constexpr size_t kMaxAlignAt = 204;
constexpr size_t kFloatFormatAt = 208;
constexpr size_t kBlockSizeAt = 216;
constexpr size_t kRelsegSizeAt = 220;
constexpr size_t kWalBlockSizeAt = 224;
constexpr size_t kWalSegmentSizeAt = 228;
constexpr size_t kDataChecksumVersionAt = 252;

constexpr size_t kUsedSizeMax = 512;
constexpr uint32_t kMaxAlign = 8;
constexpr double kFloatFormat = 1234567.0;
constexpr uint32_t kFnvChecksums = 1;

// 18 put one flag between the checksum version and the 32 bytes of nonce before the CRC.
struct Layout {
  uint32_t control_version;
  size_t crc_at;
};
constexpr Layout kLayouts[] = {{1300, 288}, {1700, 288}, {1800, 292}};

struct Release {
  int major_version;
  uint32_t control_version;
  uint32_t catalog_version;
};
constexpr Release kReleases[] = {
    {13, 1300, 202007201}, {14, 1300, 202107181}, {15, 1300, 202209061},
    {16, 1300, 202307071}, {17, 1700, 202406281}, {18, 1800, 202506291},
};

// Long enough for a server on a slow disk to end a write of 8 KiB.
constexpr std::chrono::milliseconds kPauseBetweenReads(50);
constexpr int kReadsMax = 60;

Error DamagedControl(std::string what) {
  return {Code::kDamaged, std::move(what),
          "compare with pg_controldata; if it complains too, the cluster is damaged"};
}

Error UnsupportedControl(std::string what) {
  return {Code::kUnsupported, std::move(what), "pgcairn handles PostgreSQL 13 to 18"};
}

const Layout* LayoutOf(uint32_t control_version) {
  for (const Layout& layout : kLayouts) {
    if (layout.control_version == control_version) return &layout;
  }
  return nullptr;
}

Result<int> MajorVersion(uint32_t control_version, uint32_t catalog_version) {
  for (const Release& release : kReleases) {
    if (release.control_version == control_version && release.catalog_version == catalog_version) {
      return release.major_version;
    }
  }
  return UnsupportedControl(
      fmt::format("catalog version {} with control version {} is of no known release",
                  catalog_version, control_version));
}

Status CheckPlausible(const ControlFile& control, ByteView bytes) {
  if (LoadLe<uint32_t>(bytes.data() + kMaxAlignAt) != kMaxAlign ||
      LoadLe<double>(bytes.data() + kFloatFormatAt) != kFloatFormat) {
    return UnsupportedControl("the cluster was made on another machine architecture");
  }
  if (control.block_size != 8192) {
    return Error{Code::kUnsupported, fmt::format("the block size is {} bytes", control.block_size),
                 "pgcairn handles 8192, PostgreSQL's default, only"};
  }
  if (control.data_checksum_version > kFnvChecksums) {
    return UnsupportedControl(
        fmt::format("data checksums of the unknown version {}", control.data_checksum_version));
  }
  if (control.state < ClusterState::kStartingUp || control.state > ClusterState::kInProduction) {
    return DamagedControl(fmt::format("the state {} is unknown", static_cast<int>(control.state)));
  }
  if (control.wal_level < WalLevel::kMinimal || control.wal_level > WalLevel::kLogical) {
    return DamagedControl(
        fmt::format("the wal_level {} is unknown", static_cast<int>(control.wal_level)));
  }
  if (!std::has_single_bit(control.wal_segment_size) || control.wal_segment_size < (1U << 20) ||
      control.wal_segment_size > (1U << 30)) {
    return DamagedControl(fmt::format("{} is no size of a WAL segment", control.wal_segment_size));
  }
  if (!std::has_single_bit(control.wal_block_size) || control.wal_block_size < 1024 ||
      control.wal_block_size > 65536) {
    return DamagedControl(fmt::format("{} is no size of a WAL block", control.wal_block_size));
  }
  if (control.relseg_size_pages == 0) return DamagedControl("relation files have no size");
  return {};
}

}  // namespace

std::string TablespaceVersionDirectory(const ControlFile& control) {
  return fmt::format("PG_{}_{}", control.major_version, control.catalog_version);
}

Result<ControlFile> ParseControlFile(ByteView bytes) {
  if (bytes.size() < kUsedSizeMax) {
    return DamagedControl(fmt::format("pg_control has {} bytes", bytes.size()));
  }
  const uint8_t* at = bytes.data();
  auto u32 = [at](size_t offset) { return LoadLe<uint32_t>(at + offset); };
  auto lsn = [at](size_t offset) { return Lsn{LoadLe<uint64_t>(at + offset)}; };
  auto flag = [at](size_t offset) { return at[offset] != 0; };

  ControlFile control;
  control.control_version = u32(kControlVersionAt);
  control.catalog_version = u32(kCatalogVersionAt);
  const Layout* layout = LayoutOf(control.control_version);
  if (layout == nullptr) {
    return UnsupportedControl(
        fmt::format("pg_control has the unknown control version {}", control.control_version));
  }
  if (Crc32c(bytes.first(layout->crc_at)) != u32(layout->crc_at)) {
    return DamagedControl("the CRC of pg_control is wrong");
  }
  ASSIGN_OR_RETURN(control.major_version,
                   MajorVersion(control.control_version, control.catalog_version));
  control.system_identifier = {LoadLe<uint64_t>(at + kSystemIdentifierAt)};
  control.state = static_cast<ClusterState>(u32(kStateAt));
  control.update_time_s = LoadLe<int64_t>(at + kUpdateTimeAt);
  control.checkpoint = lsn(kCheckpointAt);
  control.checkpoint_redo = lsn(kRedoAt);
  control.checkpoint_timeline = {u32(kTimelineAt)};
  control.previous_timeline = {u32(kPreviousTimelineAt)};
  control.full_page_writes = flag(kControlFullPageWritesAt);
  control.next_xid = LoadLe<uint64_t>(at + kNextXidAt);
  control.next_oid = u32(kNextOidAt);
  control.checkpoint_time_s = LoadLe<int64_t>(at + kCheckpointTimeAt);
  control.minimum_recovery_point = lsn(kMinimumRecoveryPointAt);
  control.minimum_recovery_timeline = {u32(kMinimumRecoveryTimelineAt)};
  control.backup_start_point = lsn(kBackupStartPointAt);
  control.backup_end_point = lsn(kBackupEndPointAt);
  control.backup_end_required = flag(kBackupEndRequiredAt);
  control.wal_level = static_cast<WalLevel>(u32(kWalLevelAt));
  control.wal_log_hints = flag(kWalLogHintsAt);
  control.max_connections = u32(kMaxConnectionsAt);
  control.max_worker_processes = u32(kMaxWorkerProcessesAt);
  control.max_wal_senders = u32(kMaxWalSendersAt);
  control.max_prepared_xacts = u32(kMaxPreparedXactsAt);
  control.max_locks_per_xact = u32(kMaxLocksPerXactAt);
  control.track_commit_timestamp = flag(kTrackCommitTimestampAt);
  control.block_size = u32(kBlockSizeAt);
  control.relseg_size_pages = u32(kRelsegSizeAt);
  control.wal_block_size = u32(kWalBlockSizeAt);
  control.wal_segment_size = u32(kWalSegmentSizeAt);
  control.data_checksum_version = u32(kDataChecksumVersionAt);
  RETURN_IF_ERROR(CheckPlausible(control, bytes));
  return control;
}

Result<ControlFileRead> ReadControlFile(const std::string& data_directory) {
  const std::string path = fmt::format("{}/{}", data_directory, kControlFilePath);
  auto read = [&path]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY));
    Bytes bytes(kControlFileSize);
    ASSIGN_OR_RETURN(size_t got, ReadAt(fd.get(), bytes, 0, path));
    bytes.resize(got);
    return bytes;
  };
  return ReadControlFileFrom(read, path);
}

Result<ControlFileRead> ReadControlFileFrom(const std::function<Result<Bytes>()>& read,
                                            std::string_view name) {
  std::optional<Bytes> bad;
  for (int reads = 0; reads < kReadsMax; ++reads) {
    if (reads > 0) std::this_thread::sleep_for(kPauseBetweenReads);
    ASSIGN_OR_RETURN(Bytes bytes, read());
    Result<ControlFile> control = ParseControlFile(bytes);
    if (bytes.size() != kControlFileSize) {
      control = DamagedControl(fmt::format("pg_control has {} bytes", bytes.size()));
    }
    if (control.ok()) return ControlFileRead{std::move(bytes), std::move(control).value()};
    if (bad == bytes) return std::move(control).Context(fmt::format("reading {}", name)).error();
    bad = std::move(bytes);
  }
  return DamagedControl(fmt::format("reading {}: wrong in each of {} reads", name, kReadsMax));
}

}  // namespace pgcairn::postgres
