#include "commands/testing/small_repository.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "commands/archive.h"
#include "commands/copy_files.h"
#include "commands/recovery_plan.h"
#include "commands/restore_files.h"
#include "commands/wal_wait.h"
#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/page_checksum.h"
#include "postgres/testing/control_file_samples.h"
#include "repository/history_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/wal_store/wal_store.h"
#include "util/file.h"

namespace pgcairn::commands::testing {
namespace {

using repository::RandomContent;

constexpr uint32_t kPages = 12;

Bytes ControlFile15() {
  for (const auto& sample : postgres::testing::kControlFileSamples) {
    if (sample.major_version != 15) continue;
    Bytes bytes = *FromHex(sample.hex);
    bytes.resize(postgres::kControlFileSize);
    return bytes;
  }
  CHECK(false);
  return {};
}

// Pages with right checksums, and one of zeros.
Bytes Relation(uint32_t pages, uint64_t seed) {
  Bytes bytes;
  for (uint32_t block = 0; block < pages; ++block) {
    Bytes page = block == 1 ? Bytes(postgres::kPageSize)
                            : RandomContent(postgres::kPageSize, seed * 1000 + block);
    if (block != 1) StoreLe<uint16_t>(page.data() + 8, postgres::PageChecksum(page.data(), block));
    Append(bytes, page);
  }
  return bytes;
}

void Write(const std::string& path, ByteView content) {
  CHECK(MakeDirectories(DirectoryOf(path)).ok());
  Result<UniqueFd> fd = Open(path, O_WRONLY | O_CREAT | O_TRUNC);
  CHECK(fd.ok() && WriteAll(fd->get(), content, path).ok());
}

void ListObjects(storage::Storage& storage, const std::string& directory,
                 std::vector<std::string>& names) {
  Result<storage::Listing> listing = storage.List(directory);
  CHECK(listing.ok());
  for (const storage::ObjectInfo& object : listing->objects) names.push_back(object.name);
  for (const std::string& below : listing->directories) ListObjects(storage, below, names);
}

}  // namespace

SmallRepository::SmallRepository() {
  Result<postgres::ControlFile> control = postgres::ParseControlFile(ControlFile15());
  CHECK(control.ok() && control->wal_segment_size == kSegmentBytes);
  system_ = control->system_identifier.value;
  CHECK(repository::RegisterSystem(cluster(), system_, 150000, kSegmentBytes).ok());
  for (uint64_t number = 3; number <= 6; ++number) PushSegment(1, number);
  for (uint64_t number = 7; number <= 8; ++number) PushSegment(2, number);
  PushWal("000000010000000000000007.partial", Segment(1, 7, system_), {});
  for (const char* name :
       {"000000010000000000000003.00000028.backup", "000000010000000000000005.00000028.backup"}) {
    PushWal(name, AsBytes("START WAL LOCATION\n"), {});
  }
  PushWal("00000002.history", AsBytes("1\t0/700100\tno recovery target specified\n"), {});
  Backup(kFirst, 3, 4);
  Backup(kSecond, 5, 5);
}

// The first page's header and nothing else.
Bytes SmallRepository::Segment(uint32_t timeline, uint64_t number, uint64_t system) {
  Bytes bytes;
  AppendLe<uint16_t>(bytes, 0xD110);
  AppendLe<uint16_t>(bytes, 2);  // XLP_LONG_HEADER
  AppendLe<uint32_t>(bytes, timeline);
  AppendLe<uint64_t>(bytes, number * SmallRepository::kSegmentBytes);
  AppendLe<uint64_t>(bytes, 0);
  AppendLe<uint64_t>(bytes, system);
  AppendLe<uint32_t>(bytes, SmallRepository::kSegmentBytes);
  AppendLe<uint32_t>(bytes, 8192);
  bytes.resize(SmallRepository::kSegmentBytes);
  return bytes;
}

void SmallRepository::PushWal(const std::string& name, ByteView file, format::WalInfo info) {
  repository::WalStore wal(cluster(), system_);
  CHECK(wal.Push(
               name, {file, file.size()}, [&] { return info; }, 1)
            .ok());
}

void SmallRepository::PushSegment(uint32_t timeline, uint64_t number) {
  postgres::WalSegment segment{{timeline}, number};
  format::WalInfo info;
  info.set_major_version(15);
  info.mutable_summary()->set_valid_end(postgres::SegmentStart(segment, kSegmentBytes).value);
  PushWal(postgres::WalSegmentName(segment, kSegmentBytes), Segment(timeline, number, system_),
          std::move(info));
}

std::string SmallRepository::WalObject(uint32_t timeline, uint64_t number) const {
  return cluster().names.WalFile(system_,
                                 postgres::WalSegmentName({{timeline}, number}, kSegmentBytes));
}

void SmallRepository::WriteSource(uint64_t version) {
  const std::string source = scratch_.path() + "/source/";
  Write(source + "PG_VERSION", AsBytes("15\n"));
  Write(source + "base/5/16384", Relation(kPages, version));
  Write(source + "base/5/16385", Relation(2, 7));
  Write(source + "base/5/16386", {});
  Write(source + "global/1262", Relation(1, version + 50));
  Write(source + "pg_xact/0000", RandomContent(9000, version));
}

void SmallRepository::Backup(const std::string& id, uint64_t first, uint64_t last) {
  WriteSource(LoadLe<uint64_t>(cluster().place.cluster.bytes.data()) % 100'000 + first);
  const std::string source = scratch_.path() + "/source";
  Result<postgres::DataDirectoryListing> listing =
      postgres::ListDataDirectory(source, "PG_15_202209061");
  CHECK(listing.ok());
  Progress progress(ProgressStyle::kNone, "backup", 0);
  sources::PageFindings findings;
  sources::PageReaderOptions reader;
  reader.data_directory = source;
  reader.data_checksums = true;
  reader.relation_segment_pages = 131'072;
  reader.findings = &findings;
  std::vector<postgres::ExternalFile> external;
  PreviousMap nothing;
  CopyOptions options{*listing, external, reader, 1, 1, progress, [] { return Status(); }, nothing};
  Result<CopyResult> copied = CopyFiles(cluster(), options);
  CHECK(copied.ok() && findings.bad_count() == 0);

  format::Manifest manifest;
  manifest.set_backup_id(id);
  manifest.set_cluster_name("main");
  manifest.set_type(format::Manifest::FULL);
  manifest.set_method(format::Manifest::PHYSICAL);
  manifest.set_system_identifier(system_);
  manifest.set_server_version_num(150000);
  manifest.set_timeline(1);
  manifest.set_start_lsn(first * kSegmentBytes + 0x28);
  manifest.set_stop_lsn(last * kSegmentBytes + 0x200);
  manifest.set_stop_time_us(Timestamp::FromUnixSeconds(1'704'000'000).unix_us +
                            static_cast<int64_t>(first));
  manifest.set_wal_segment_size(kSegmentBytes);
  manifest.set_relation_segment_pages(131'072);
  manifest.set_data_checksums(true);
  manifest.set_data_directory_mode(0700);
  postgres::WalSegment segment{{1}, first};
  postgres::Lsn start{manifest.start_lsn()};
  manifest.set_backup_label(
      fmt::format("START WAL LOCATION: {} (file {})\nCHECKPOINT LOCATION: {}\nBACKUP METHOD: "
                  "streamed\nBACKUP FROM: primary\nSTART TIME: 2024-01-02 03:04:05 UTC\nLABEL: "
                  "pgcairn\nSTART TIMELINE: 1\n",
                  start.ToText(), postgres::WalSegmentName(segment, kSegmentBytes),
                  postgres::Lsn{start.value + 0x40}.ToText()));
  manifest.set_control_file(ToString(ControlFile15()));
  repository::WalStore wal(cluster(), system_);
  for (const std::string& name :
       SegmentsBetween({1}, start, {manifest.stop_lsn()}, kSegmentBytes)) {
    format::WalProof* proof = manifest.add_wal();
    proof->set_name(name);
    proof->set_content_identity(ToString(wal.ReadIdentity(name)->view()));
  }
  for (const repository::BlobReference& list : copied->stream_lists) {
    repository::ToMessage(list.pack, list.location, manifest.add_stream_lists());
  }
  manifest.set_stream_count(copied->stream_count);
  manifest.set_stream_bytes(copied->stream_bytes);
  if (id == kSecond) {
    manifest.mutable_predecessor()->set_backup_id(kFirst);
    manifest.mutable_predecessor()->set_manifest_sha256(
        ToString(repository::ReadManifest(cluster(), kFirst)->sha256.view()));
    second_packs_ = copied->packs;
  }
  CHECK(repository::CommitBackup(cluster(), manifest, copied->packs).ok());
  second_ = manifest;
}

void SmallRepository::CommitSharing(const std::string& id,
                                    const std::function<void(format::Manifest&)>& edit) {
  format::Manifest manifest = second_;
  manifest.set_backup_id(id);
  edit(manifest);
  CHECK(repository::CommitBackup(cluster(), manifest, second_packs_).ok());
}

std::vector<std::string> SmallRepository::Objects() const {
  std::vector<std::string> names;
  ListObjects(*storage_, "", names);
  std::sort(names.begin(), names.end());
  return names;
}

Result<RestoredTree> RestoreTree(const std::shared_ptr<storage::Storage>& storage,
                                 const std::string& id) {
  ASSIGN_OR_RETURN(std::unique_ptr<repository::ClusterAccess> cluster,
                   repository::OpenCluster(*storage, "main", {}));
  ASSIGN_OR_RETURN(RecoveryPlan plan, PlanRecovery(*cluster, RecoveryTarget(), id));
  const format::Manifest& manifest = plan.manifest;
  storage::ScratchDirectory scratch;
  const std::string target = scratch.path() + "/target";
  RETURN_IF_ERROR(MakeDirectories(target));
  Progress progress(ProgressStyle::kNone, "restore", 0);
  RETURN_IF_ERROR(
      RestoreFiles(*cluster, manifest, {{target, target + ".config", {}}, 1, progress}).status());
  RestoredTree tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(target)) {
    if (!entry.is_regular_file()) continue;
    ASSIGN_OR_RETURN(tree[entry.path().lexically_relative(target).string()],
                     ReadFile(entry.path().string(), 1 << 30));
  }
  tree["backup_label"] = ToBytes(AsBytes(manifest.backup_label()));
  tree["global/pg_control"] = ToBytes(AsBytes(manifest.control_file()));

  repository::WalStore wal(*cluster, manifest.system_identifier());
  ASSIGN_OR_RETURN(Archive archive, Archive::Read(wal, manifest.wal_segment_size()));
  const uint64_t first = manifest.start_lsn() / manifest.wal_segment_size();
  ASSIGN_OR_RETURN(std::optional<uint64_t> last, archive.LastOfRun(plan.timeline, first));
  for (uint64_t number = first; number <= last.value_or(0); ++number) {
    ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                     archive.OnPath(plan.timeline, number));
    ASSIGN_OR_RETURN(repository::WalFile file, wal.Fetch(archive.NameOf(*segment)));
    tree[archive.NameOf(*segment)] = std::move(file.bytes);
  }
  return tree;
}

}  // namespace pgcairn::commands::testing
