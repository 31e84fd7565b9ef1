#include "commands/testing/directory_backups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "commands/restore_files.h"
#include "postgres/data_directory.h"
#include "repository/manifest/manifest_store.h"
#include "repository/map/leaf_reader.h"
#include "storage/hiding/hiding_storage.h"
#include "util/file.h"

namespace pgcairn::commands::testing {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;

FileHashes HashTree(const std::string& root, const std::string& prefix) {
  FileHashes hashes;
  if (!std::filesystem::exists(root)) return hashes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    Result<Bytes> content = ReadFile(entry.path().string(), kFileBytesMax);
    CHECK(content.ok());
    hashes[prefix + entry.path().lexically_relative(root).string()] = crypto::Sha256(*content);
  }
  return hashes;
}

std::vector<std::string> PackObjects(storage::Storage& storage,
                                     const repository::ClusterNames& names) {
  std::vector<std::string> objects;
  Result<storage::Listing> directories = storage.List(names.Root() + "/packs");
  CHECK(directories.ok());
  for (const std::string& directory : directories->directories) {
    Result<storage::Listing> listing = storage.List(directory);
    CHECK(listing.ok());
    for (const storage::ObjectInfo& object : listing->objects) objects.push_back(object.name);
  }
  return objects;
}

crypto::Sha256Digest DigestOf(const std::string& pack_object) {
  crypto::Sha256Digest digest;
  Bytes bytes = *FromHex(std::string_view(pack_object).substr(pack_object.size() - 64));
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

}  // namespace

DirectoryBackups::DirectoryBackups() {
  CHECK(MakeDirectories(source_ + "/base/5").ok());
  CHECK(MakeDirectories(source_ + "/global").ok());
}

void DirectoryBackups::Touch(const std::string& path) {
  SetTime(path, ++next_mtime_s_ * 1'000'000'000);
}

void DirectoryBackups::SetTime(const std::string& path, int64_t mtime_ns) {
  const struct timespec times[2] = {{0, UTIME_OMIT},
                                    {mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000}};
  CHECK(::utimensat(AT_FDCWD, PathOf(path).c_str(), times, 0) == 0);
}

int64_t DirectoryBackups::TimeOf(const std::string& path) const {
  struct stat info {};
  CHECK(::stat(PathOf(path).c_str(), &info) == 0);
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

uint64_t DirectoryBackups::SizeOf(const std::string& path) const {
  return std::filesystem::file_size(PathOf(path));
}

void DirectoryBackups::Write(const std::string& path, ByteView content) {
  Result<UniqueFd> fd = Open(PathOf(path), O_WRONLY | O_CREAT | O_TRUNC);
  CHECK(fd.ok() && WriteAll(fd->get(), content, path).ok());
  Touch(path);
}

void DirectoryBackups::WriteInto(const std::string& path, uint64_t offset, ByteView bytes) {
  Result<UniqueFd> fd = Open(PathOf(path), O_WRONLY | O_CREAT);
  CHECK(fd.ok() && WriteAt(fd->get(), bytes, offset, path).ok());
  Touch(path);
}

void DirectoryBackups::Resize(const std::string& path, uint64_t size) {
  Result<UniqueFd> fd = Open(PathOf(path), O_WRONLY | O_CREAT);
  CHECK(fd.ok() && ::ftruncate(fd->get(), static_cast<off_t>(size)) == 0);
  Touch(path);
}

void DirectoryBackups::Remove(const std::string& path) {
  CHECK(std::filesystem::remove(PathOf(path)));
}

void DirectoryBackups::Rename(const std::string& from, const std::string& to) {
  std::filesystem::rename(PathOf(from), PathOf(to));
}

Bytes DirectoryBackups::ReadSource(const std::string& path) const {
  Result<Bytes> content = ReadFile(PathOf(path), kFileBytesMax);
  CHECK(content.ok());
  return std::move(content).value();
}

std::vector<std::string> DirectoryBackups::Files() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path().lexically_relative(source_).string());
    }
  }
  std::ranges::sort(files);
  return files;
}

FileHashes DirectoryBackups::HashSource() const {
  FileHashes hashes = HashTree(source_, "");
  for (const postgres::ExternalFile& file : external_) {
    hashes["config:" + file.relative] = crypto::Sha256(file.content);
  }
  return hashes;
}

Result<std::shared_ptr<DirectoryBackup>> DirectoryBackups::Backup(
    const DirectoryBackupOptions& options) {
  auto made = std::make_shared<DirectoryBackup>();
  ++backups_;
  made->id =
      fmt::format("2024{:02}{:02}_020000-{:04x}", 1 + backups_ / 28, 1 + backups_ % 28, backups_);
  BackupBase base;
  if (!options.full) {
    ASSIGN_OR_RETURN(base, Base());
  }
  options.change_map(base.map);
  ASSIGN_OR_RETURN(postgres::DataDirectoryListing listing,
                   postgres::ListDataDirectory(source_, "PG_15_202209061"));
  made->files = HashSource();
  options.after_listing();

  Progress progress(ProgressStyle::kNone, "backup", 0);
  sources::PageReaderOptions reader;
  reader.data_directory = source_;
  reader.findings = &made->findings;
  reader.data_checksums = options.data_checksums;
  reader.relation_segment_pages = 131'072;
  reader.backup_start = options.start;
  reader.insert_position = [&] { return Result<postgres::Lsn>(options.insert_position); };
  CopyOptions copy{
      listing, external_, reader, options.threads, 1, progress, [] { return Status(); }, base.map};
  if (base.manifest) {
    copy.rules = options.rules;
    copy.reader.judged_before = {base.manifest->start_lsn()};
    copy.what_to_empty = [&](uint64_t bytes_to_read) {
      if (options.empty_packs.empty()) {
        return repository::ChoosePacksToEmpty(
            base.map.PackUses(), options.live_share_min,
            std::min(base.manifest->new_data_bytes(), bytes_to_read));
      }
      repository::PacksToEmpty all;
      for (const crypto::Sha256Digest& pack : options.empty_packs) {
        all.packs.push_back({pack, uint64_t{1} << 40});
      }
      return all;
    };
  }
  ASSIGN_OR_RETURN(made->copied, CopyFiles(cluster(), copy));

  format::Manifest& manifest = made->manifest;
  manifest.set_backup_id(made->id);
  manifest.set_method(format::Manifest::PHYSICAL);
  manifest.set_type(base.manifest ? format::Manifest::INCREMENTAL : format::Manifest::FULL);
  manifest.set_system_identifier(kSystem);
  manifest.set_start_lsn(options.start.value);
  manifest.set_data_directory_mode(0700);
  manifest.set_new_data_bytes(made->copied.units.stored_bytes);
  manifest.set_stream_count(made->copied.stream_count);
  manifest.set_stream_bytes(made->copied.stream_bytes);
  manifest.set_bad_page_count(made->findings.bad_count());
  for (const sources::BadPage& bad : made->findings.bad_pages()) {
    format::BadPage* added = manifest.add_bad_pages();
    added->set_path(bad.path);
    added->set_block(bad.block);
  }
  for (const repository::BlobReference& list : made->copied.stream_lists) {
    repository::ToMessage(list.pack, list.location, manifest.add_stream_lists());
  }
  RETURN_IF_ERROR(repository::CommitBackup(cluster(), manifest, made->copied.packs));
  return made;
}

Result<BackupBase> DirectoryBackups::Base() const {
  repository::LeaseTerms lease;
  lease.run_id = "20240101_010000-0000";
  Result<BackupBase> base = ClaimBase(cluster(), {kSystem, format::Manifest::PHYSICAL}, lease);
  CHECK(repository::RemoveLease(cluster(), lease.run_id).ok());
  return base;
}

std::set<crypto::Sha256Digest> DirectoryBackups::References(const DirectoryBackup& backup) const {
  std::set<crypto::Sha256Digest> packs;
  Result<std::vector<repository::StoredPack>> references =
      repository::ReadReferences(cluster(), backup.manifest);
  CHECK(references.ok());
  for (const repository::StoredPack& pack : *references) packs.insert(pack.sha256);
  return packs;
}

std::set<crypto::Sha256Digest> DirectoryBackups::StoredPacks() const {
  std::set<crypto::Sha256Digest> packs;
  for (const std::string& name : PackObjects(*storage_, cluster().names)) {
    packs.insert(DigestOf(name));
  }
  return packs;
}

std::set<crypto::Sha256Digest> DirectoryBackups::NeededByReading(
    const DirectoryBackup& backup) const {
  std::set<crypto::Sha256Digest> packs;
  repository::BlobReader reader(cluster());
  for (const format::BlobReference& message : backup.manifest.stream_lists()) {
    Result<repository::BlobReference> at = repository::FromMessage(message);
    CHECK(at.ok());
    packs.insert(at->pack.sha256);
    Result<Bytes> raw = reader.Read(repository::ObjectKind::kMetadataPack, at->pack, at->location);
    CHECK(raw.ok());
    Result<repository::StreamList> list = repository::DecodeStreamList(*raw);
    CHECK(list.ok());
    const std::vector<std::vector<repository::LeafPart>> parts = repository::PartsByLeaf(*list);
    for (size_t i = 0; i < list->leaves.size(); ++i) {
      EXPECT_FALSE(parts[i].empty()) << "a leaf that no stream uses";
      packs.insert(list->packs[list->leaves[i].pack].sha256);
      Result<repository::MapLeaf> leaf = repository::ReadLeaf(reader, *list, i);
      CHECK(leaf.ok());
      if (leaf->base) packs.insert(leaf->base->pack.sha256);
      for (const repository::UnitEntry& unit : leaf->units) {
        if (unit.blob == repository::kZeroUnit) continue;
        packs.insert(leaf->packs[leaf->blobs[unit.blob].pack].sha256);
      }
    }
  }
  return packs;
}

format::Checkpoint DirectoryBackups::AsCheckpoint(const DirectoryBackup& backup) const {
  format::Checkpoint checkpoint;
  for (const crypto::Sha256Digest& pack : References(backup)) {
    checkpoint.add_new_packs()->set_sha256(ToString(pack.view()));
  }
  repository::BlobReader reader(cluster());
  for (const format::BlobReference& message : backup.manifest.stream_lists()) {
    Result<repository::BlobReference> at = repository::FromMessage(message);
    Bytes raw = reader.Read(repository::ObjectKind::kMetadataPack, at->pack, at->location).value();
    const repository::StreamList list = repository::DecodeStreamList(raw).value();
    const std::vector<std::vector<repository::LeafPart>> parts = repository::PartsByLeaf(list);
    for (size_t i = 0; i < list.leaves.size(); ++i) {
      format::CheckpointLeaf* leaf = checkpoint.add_leaves();
      repository::ToMessage(list.packs[list.leaves[i].pack], list.leaves[i].location,
                            leaf->mutable_leaf());
      leaf->set_units(list.leaves[i].units);
      if (list.needs[i].base_pack != repository::kNoPack) {
        repository::ToMessage(list.packs[list.needs[i].base_pack], leaf->mutable_base_pack());
      }
      for (const repository::LeafUse& use : list.needs[i].uses) {
        format::PackNeed* need = leaf->add_needs();
        need->set_sha256(ToString(list.data_packs[use.pack].sha256.view()));
        need->set_length(list.data_packs[use.pack].length);
        need->set_bytes(use.bytes);
      }
      for (const repository::LeafPart& from : parts[i]) {
        format::CheckpointPart* part = leaf->add_parts();
        part->set_path(list.streams[from.stream].path);
        part->set_root(static_cast<uint32_t>(list.streams[from.stream].root));
        part->set_first_unit(from.first_unit);
        part->set_first_entry(from.first_entry);
        part->set_count(from.count);
      }
    }
  }
  return checkpoint;
}

Result<FileHashes> DirectoryBackups::Restore(const DirectoryBackup& backup) {
  auto hiding = std::make_shared<storage::HidingStorage>(storage_);
  const std::set<crypto::Sha256Digest> listed = References(backup);
  for (const std::string& name : PackObjects(*storage_, cluster().names)) {
    if (!listed.contains(DigestOf(name))) hiding->Hide(name);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<repository::ClusterAccess> opened,
                   repository::OpenCluster(*hiding, "main", {}));
  ASSIGN_OR_RETURN(repository::StoredManifest stored, repository::ReadManifest(*opened, backup.id));
  const std::string target = fmt::format("{}/restored{}", scratch_.path(), restores_++);
  RETURN_IF_ERROR(MakeDirectories(target));
  Progress progress(ProgressStyle::kNone, "restore", 0);
  RETURN_IF_ERROR(
      RestoreFiles(*opened, stored.manifest, {{target, target + ".config", {}}, 2, progress})
          .status());
  FileHashes hashes = HashTree(target, "");
  hashes.merge(HashTree(target + ".config", "config:"));
  std::filesystem::remove_all(target);
  std::filesystem::remove_all(target + ".config");
  return hashes;
}

void DirectoryBackups::Delete(const DirectoryBackup& backup) {
  std::set<crypto::Sha256Digest> going = References(backup);
  Result<std::vector<std::string>> ids = repository::ListBackupIds(cluster());
  CHECK(ids.ok());
  for (const std::string& id : *ids) {
    if (id == backup.id) continue;
    Result<repository::StoredManifest> other = repository::ReadManifest(cluster(), id);
    CHECK(other.ok());
    Result<std::vector<repository::StoredPack>> needed =
        repository::ReadReferences(cluster(), other->manifest);
    CHECK(needed.ok());
    for (const repository::StoredPack& pack : *needed) going.erase(pack.sha256);
  }
  CHECK(storage_->Delete(cluster().names.Manifest(backup.id)).ok());
  CHECK(storage_->Delete(cluster().names.References(backup.id)).ok());
  for (const std::string& name : PackObjects(*storage_, cluster().names)) {
    if (going.contains(DigestOf(name))) CHECK(storage_->Delete(name).ok());
  }
}

}  // namespace pgcairn::commands::testing
