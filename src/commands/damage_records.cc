#include "commands/damage_records.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "repository/pack/pack_reference.h"

namespace pgcairn::commands {

using format::DamagedPack;
using repository::DamageProof;

void DamageRecords::Begin() {
  Result<std::vector<crypto::Sha256Digest>> packs = repository::ListDamagedPacks(storage_, names_);
  if (packs.ok()) {
    before_ = std::move(*packs);
  } else {
    findings_.Warn("which packs are recorded as damaged cannot be read: " + packs.error().message);
  }
}

void DamageRecords::Update(const repository::ProvenPacks& packs, bool everything_is_good) {
  RecordBad(packs);
  RemoveGood(packs, everything_is_good);
}

void DamageRecords::RecordBad(const repository::ProvenPacks& packs) {
  for (const DamagedObject& damaged : findings_.Damaged()) {
    std::optional<crypto::Sha256Digest> sha256 = names_.PackOf(damaged.object);
    if (!sha256) continue;
    if (std::ranges::binary_search(before_, *sha256)) {
      findings_.MarkRecorded(damaged.object);
      continue;
    }
    if (damaged.code != Code::kNotFound && damaged.code != Code::kDamaged) continue;
    std::optional<DamageProof> proof = ProveAgain(*sha256);
    if (!proof) continue;
    if (*proof != DamagedPack::PROOF_UNSPECIFIED) {
      Record(*sha256, *proof);
    } else if (packs.IsBad(*sha256)) {
      findings_.Warn(damaged.object +
                     " was damaged when it was read first and whole when it was read again: look "
                     "at the memory, the disks and the cables of this host");
    } else {
      // Its bytes are those that were written, and still a map or a unit is not what it must be.
      Record(*sha256, DamagedPack::CONTENT);
    }
  }
}

void DamageRecords::Record(const crypto::Sha256Digest& sha256, DamageProof proof) {
  if (refused_) return;
  if (Wrote(repository::RecordDamagedPack(storage_, names_, sha256, proof))) {
    findings_.MarkRecorded(names_.Pack(sha256));
  }
}

void DamageRecords::RemoveGood(const repository::ProvenPacks& packs, bool everything_is_good) {
  for (const crypto::Sha256Digest& sha256 : before_) {
    if (refused_) return;
    if (!packs.IsGood(sha256) || findings_.Has(names_.Pack(sha256))) continue;
    Result<DamagedPack> record = repository::ReadDamagedPack(storage_, names_, sha256);
    const bool bytes_suffice = record.ok() && (record->proof() == DamagedPack::ABSENT ||
                                               record->proof() == DamagedPack::BYTES);
    if (bytes_suffice || everything_is_good) Remove(sha256);
  }
}

void DamageRecords::Remove(const crypto::Sha256Digest& sha256) {
  if (!Wrote(repository::RemoveDamagedPack(storage_, names_, sha256))) return;
  // Another run may have found it damaged since this one read it, and left the record as it stood.
  const DamageProof proof = ProveAgain(sha256).value_or(DamagedPack::PROOF_UNSPECIFIED);
  if (proof == DamagedPack::PROOF_UNSPECIFIED) {
    healed_.push_back(names_.Pack(sha256));
    return;
  }
  findings_.Warn(names_.Pack(sha256) + " was whole when it was verified and no longer is");
  Record(sha256, proof);
}

std::optional<DamageProof> DamageRecords::ProveAgain(const crypto::Sha256Digest& sha256) {
  Result<Bytes> pack = storage_.Get(names_.Pack(sha256), repository::kPackBytesMax);
  if (!pack.ok()) {
    if (pack.code() == Code::kNotFound) return DamagedPack::ABSENT;
    if (pack.code() == Code::kDamaged) return DamagedPack::BYTES;
    return std::nullopt;
  }
  return crypto::Sha256(*pack) == sha256 ? DamagedPack::PROOF_UNSPECIFIED : DamagedPack::BYTES;
}

bool DamageRecords::Wrote(const Status& status) {
  if (status.ok()) return true;
  refused_ = true;
  findings_.Warn("damaged packs are not recorded, so that the next backup relies on them: " +
                 status.error().message);
  return false;
}

}  // namespace pgcairn::commands
