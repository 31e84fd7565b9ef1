#include "commands/testing/light_repository.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/lsn.h"
#include "repository/history_store.h"
#include "repository/lease/tombstone.h"
#include "repository/manifest/manifest_store.h"
#include "repository/prune/claim.h"

namespace pgcairn::commands::testing {
namespace {

constexpr std::string_view kCheckpointHeader{"PGCAIRNC\1\0\x4c\0\0\0\0\0", 16};

std::string CheckpointName(const repository::ClusterAccess& cluster, const std::string& run_id) {
  return cluster.names.Checkpoints() + "/" + run_id + "/00000000";
}

void Put(storage::Storage& storage, const std::string& name, ByteView bytes) {
  CHECK(storage.PutIfAbsent(name, bytes).ok());
}

void ListBelow(storage::Storage& storage, const std::string& directory,
               std::vector<std::string>& names) {
  Result<storage::Listing> listing = storage.List(directory);
  CHECK(listing.ok());
  for (const storage::ObjectInfo& object : listing->objects) names.push_back(object.name);
  for (const std::string& below : listing->directories) ListBelow(storage, below, names);
}

}  // namespace

LightRepository::LightRepository() {
  CHECK(repository::RegisterSystem(cluster(), kSystem, 150000, kSegmentBytes).ok());
}

std::unique_ptr<repository::ClusterAccess> LightRepository::Through(
    storage::Storage& storage) const {
  Result<std::unique_ptr<repository::ClusterAccess>> opened =
      repository::OpenCluster(*storage_, "main", {});
  CHECK(opened.ok());
  return std::make_unique<repository::ClusterAccess>(repository::ClusterAccess{
      storage, (*opened)->names, (*opened)->place, std::move((*opened)->keys)});
}

void LightRepository::AddBackup(const std::string& id, const std::vector<int>& packs,
                                uint64_t first_segment) {
  std::vector<repository::StoredPack> list;
  for (int number : packs) {
    if (!HasPack(number)) AddPack(number);
    list.push_back(StoredPackOf(number));
  }
  AddSegment(first_segment);
  AddSegment(first_segment + 1);
  format::Manifest manifest = ManifestOf(id, first_segment);
  CHECK(repository::CommitBackup(cluster(), manifest, list).ok());
}

void LightRepository::AddPack(int number) {
  Put(*storage_, cluster().names.Pack(PackId(number)), PackContent(number));
}

void LightRepository::AddSegment(uint64_t number, uint32_t timeline) {
  Status put = storage_->PutIfAbsent(SegmentObject(number, timeline), AsBytes("a segment"));
  CHECK(put.ok() || put.code() == Code::kAlreadyExists);
}

void LightRepository::AddCheckpoint(const std::string& run_id, const std::vector<int>& packs) {
  Bytes object = ToBytes(AsBytes(kCheckpointHeader));
  for (int number : packs) AppendLe<int32_t>(object, number);
  Put(*storage_, CheckpointName(cluster(), run_id), object);
}

bool LightRepository::HasBackup(const std::string& id) const {
  return repository::ReadManifest(cluster(), id).ok();
}

bool LightRepository::HasPack(int number) const {
  return storage_->Stat(cluster().names.Pack(PackId(number))).ok();
}

bool LightRepository::HasSegment(uint64_t number) const {
  return storage_->Stat(SegmentObject(number)).ok();
}

std::vector<std::string> LightRepository::Traces() const {
  std::vector<std::string> names;
  const repository::ClusterNames& of = cluster().names;
  for (const std::string& folder :
       {of.Leases(), of.Trashes(), of.Checkpoints(), of.Root() + "/notes"}) {
    ListBelow(*storage_, folder, names);
  }
  return names;
}

std::string LightRepository::SegmentName(uint64_t number, uint32_t timeline) {
  return postgres::WalSegmentName({{timeline}, number}, kSegmentBytes);
}

std::string LightRepository::SegmentObject(uint64_t number, uint32_t timeline) const {
  return cluster().names.WalFile(kSystem, SegmentName(number, timeline));
}

crypto::Sha256Digest LightRepository::PackId(int number) {
  return crypto::Sha256(PackContent(number));
}

Bytes LightRepository::PackContent(int number) {
  return ToBytes(AsBytes(fmt::format("the pack {}", number)));
}

repository::StoredPack LightRepository::StoredPackOf(int number) {
  return {PackId(number), PackContent(number).size()};
}

format::Manifest LightRepository::ManifestOf(const std::string& id, uint64_t first_segment) {
  format::Manifest manifest;
  manifest.set_backup_id(id);
  manifest.set_cluster_name("main");
  manifest.set_type(format::Manifest::FULL);
  manifest.set_system_identifier(kSystem);
  manifest.set_timeline(1);
  manifest.set_wal_segment_size(kSegmentBytes);
  manifest.set_start_lsn(first_segment * kSegmentBytes + 0x28);
  manifest.set_stop_lsn((first_segment + 1) * kSegmentBytes + 0x28);
  for (uint64_t number : {first_segment, first_segment + 1}) {
    manifest.add_wal()->set_name(SegmentName(number));
  }
  return manifest;
}

Status LightRepository::Whole() const {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster()));
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(repository::StoredManifest stored, repository::ReadManifest(cluster(), id));
    ASSIGN_OR_RETURN(std::vector<repository::StoredPack> packs,
                     repository::ReadReferences(cluster(), stored.manifest));
    for (const repository::StoredPack& pack : packs) {
      RETURN_IF_ERROR(storage_->Stat(cluster().names.Pack(pack.sha256)).status().Context(id));
    }
    for (const format::WalProof& segment : stored.manifest.wal()) {
      RETURN_IF_ERROR(
          storage_->Stat(cluster().names.WalFile(kSystem, segment.name())).status().Context(id));
    }
  }
  return {};
}

namespace {

Result<std::vector<repository::StoredPack>> TakeOver(const repository::ClusterAccess& cluster,
                                                     const std::string& run_id,
                                                     const repository::Claim& claim) {
  std::vector<repository::StoredPack> packs;
  RETURN_IF_ERROR(repository::GiveUp(cluster, run_id, "another run goes on from it").status());
  Result<Bytes> object = cluster.storage.Get(CheckpointName(cluster, run_id), 4096);
  if (!object.ok() && object.code() == Code::kNotFound) return packs;
  RETURN_IF_ERROR(object);
  ByteReader in(ByteView(*object).subspan(kCheckpointHeader.size()));
  while (in.left() > 0) {
    repository::StoredPack pack = LightRepository::StoredPackOf(in.Le<int32_t>());
    if (claim.MayUse(pack.sha256)) packs.push_back(pack);
  }
  return packs;
}

Result<std::vector<repository::StoredPack>> PacksOf(const repository::ClusterAccess& cluster,
                                                    const std::string& id) {
  ASSIGN_OR_RETURN(repository::StoredManifest stored, repository::ReadManifest(cluster, id));
  return repository::ReadReferences(cluster, stored.manifest);
}

}  // namespace

Status BackupRun::Run(const repository::ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  repository::LeaseTerms terms;
  terms.run_id = id;
  terms.started = Timestamp::Now();
  if (!ids.empty()) terms.base_backup_id = ids.back();
  terms.wal.emplace();
  terms.wal->set_system_identifier(LightRepository::kSystem);
  terms.wal->set_timeline(1);
  terms.wal->set_from_lsn(first_segment * LightRepository::kSegmentBytes);
  ASSIGN_OR_RETURN(repository::Claim claim, repository::WriteLeaseAndClaim(cluster, terms));
  if (!reads_trash) claim.trashed = repository::TrashedObjects();
  used_base = claim.base_is_safe || (!ids.empty() && (!reads_trash || !looks_for_base));

  std::vector<repository::StoredPack> packs;
  if (!resumes.empty()) {
    ASSIGN_OR_RETURN(packs, TakeOver(cluster, resumes, claim));
  }
  if (used_base) {
    ASSIGN_OR_RETURN(std::vector<repository::StoredPack> old,
                     PacksOf(cluster, terms.base_backup_id));
    for (const repository::StoredPack& pack : old) {
      if (claim.MayUse(pack.sha256)) packs.push_back(pack);
    }
  }
  for (int number : new_packs) {
    repository::StoredPack pack = LightRepository::StoredPackOf(number);
    RETURN_IF_ERROR(cluster.storage.PutIfAbsent(cluster.names.Pack(pack.sha256),
                                                LightRepository::PackContent(number)));
    packs.push_back(pack);
  }
  for (uint64_t number : {first_segment, first_segment + 1}) {
    Status put = cluster.storage.PutIfAbsent(
        cluster.names.WalFile(LightRepository::kSystem, LightRepository::SegmentName(number)),
        AsBytes("a segment"));
    if (!put.ok() && put.code() != Code::kAlreadyExists) return put;
  }
  format::Manifest manifest = LightRepository::ManifestOf(id, first_segment);
  Status committed = repository::CommitBackup(cluster, manifest, packs);
  RETURN_IF_ERROR(repository::RemoveLease(cluster, id));
  return committed;
}

Status RestoreRun::Run(const repository::ClusterAccess& cluster) {
  repository::LeaseTerms terms;
  terms.run_id = id;
  terms.kind = format::Lease::RESTORE;
  terms.base_backup_id = base;
  ASSIGN_OR_RETURN(repository::Claim claim, repository::WriteLeaseAndClaim(cluster, terms));
  base_was_safe = claim.base_is_safe;
  ASSIGN_OR_RETURN(std::vector<repository::StoredPack> packs, PacksOf(cluster, base));
  for (const repository::StoredPack& pack : packs) {
    RETURN_IF_ERROR(cluster.storage.Get(cluster.names.Pack(pack.sha256), 4096).status());
  }
  return repository::RemoveLease(cluster, id);
}

}  // namespace pgcairn::commands::testing
