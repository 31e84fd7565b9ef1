// Keeps damaged/ in step with what a verification proves.
#pragma once

#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "crypto/sha256.h"
#include "repository/damaged/damaged_store.h"
#include "repository/names.h"
#include "repository/pack/proven_packs.h"
#include "storage/storage.h"

namespace pgcairn::commands {

// One for each verification. Other runs may do the same at the same time. What cannot be written
// is a warning among the findings.
class DamageRecords {
 public:
  // `storage` is the one to write to, and outlives it like the others.
  DamageRecords(storage::Storage& storage, const repository::ClusterNames& names,
                Findings& findings)
      : storage_(storage), names_(names), findings_(findings) {}

  // Looks at what is recorded. To be called before the first pack is read: what another run records
  // later stays.
  void Begin();

  // Records the packs among the findings that are proven missing or damaged: each is read once
  // more, and one that only could not be read is none of them. Removes records of packs that are
  // good. `everything_is_good`: all backups were proven, down to each unit.
  void Update(const repository::ProvenPacks& packs, bool everything_is_good);

  // Objects of packs whose records this run removed.
  const std::vector<std::string>& healed() const { return healed_; }

 private:
  void RecordBad(const repository::ProvenPacks& packs);
  void Record(const crypto::Sha256Digest& sha256, repository::DamageProof proof);
  void RemoveGood(const repository::ProvenPacks& packs, bool everything_is_good);
  void Remove(const crypto::Sha256Digest& sha256);
  // What its stored bytes prove now: nothing when they cannot be read, UNSPECIFIED when they are
  // good.
  std::optional<repository::DamageProof> ProveAgain(const crypto::Sha256Digest& sha256);
  // Says the first time only why damaged/ cannot be written.
  bool Wrote(const Status& status);

  storage::Storage& storage_;
  const repository::ClusterNames& names_;
  Findings& findings_;
  std::vector<crypto::Sha256Digest> before_;  // in rising order
  bool refused_ = false;
  std::vector<std::string> healed_;
};

}  // namespace pgcairn::commands
