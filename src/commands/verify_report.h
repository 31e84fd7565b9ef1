// What a verification found.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands/recovery_window.h"
#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// What a part of verify finds wrong: there is no other hint than verify's own at the end.
inline Error Damaged(std::string message) { return {Code::kDamaged, std::move(message), ""}; }

// Moments of one timeline that can no longer be restored.
struct LostPart {
  uint64_t system_identifier = 0;
  postgres::TimelineId timeline;
  postgres::Lsn from_lsn;
  // The last moment before it that can be restored; nothing when there is none.
  std::optional<Timestamp> from;
  // Where the next window begins; nothing when none does: until a new backup is taken, nothing from
  // `from_lsn` on can be restored.
  std::optional<postgres::Lsn> to_lsn;
  std::optional<Timestamp> to;
};

struct DamagedObject {
  std::string object;  // name in the repository
  std::string problem;
  Code code = Code::kDamaged;  // of the problem
  bool missing = false;
  bool copy_is_good = false;         // stored twice: everything still works
  std::vector<std::string> backups;  // ids of those that cannot be restored without it, rising
  std::vector<LostPart> lost;        // what cannot be restored because of it
  bool recorded = false;             // a pack that the next backup does not rely on
};

struct VerifiedBackup {
  std::string backup_id;
  bool good = true;  // can be restored whole
  uint64_t files = 0;
  uint64_t bytes = 0;
  // Pages that were bad on the server already: no damage of the repository.
  uint64_t bad_page_count = 0;
};

struct VerifyReport {
  std::string cluster;
  bool with_key = true;   // false: only stored bytes were checked
  bool encrypted = true;  // known with the key
  std::vector<VerifiedBackup> backups;
  std::vector<DamagedObject> damaged;  // in the order of their names
  std::vector<std::string> warnings;
  // Packs that were recorded as damaged, are good, and have no record any more.
  std::vector<std::string> healed;
  uint64_t packs = 0;  // that were read
  uint64_t pack_bytes = 0;
  uint64_t pages_checked = 0;  // whose checksum was computed
  uint64_t wal_files = 0;
  uint64_t wal_bytes = 0;  // stored
  // Packs that no backup refers to: of runs that go on, or that ended before their commit.
  uint64_t orphan_packs = 0;
  uint64_t orphan_bytes = 0;
  // Of what an earlier backup stored only this was looked at: whether it is there.
  bool only_new = false;
  uint64_t packs_present = 0;
  // What can be restored without the damaged objects. Empty without the key, and with only_new.
  ClusterWindows windows;
  double seconds = 0;

  bool good() const { return damaged.empty(); }
};

// Collects what is found, in any order and from any thread.
class Findings {
 public:
  // The first error of an object counts, with kNotFound as "missing"; the backups of all calls do.
  void Add(const std::string& object, const Error& error,
           const std::vector<std::string>& backups = {});
  // The object is stored twice and the other one is good.
  void AddCopyDamage(const std::string& object, const Error& error);
  void AddLost(const std::string& object, const LostPart& part);  // of one that was added
  void MarkRecorded(const std::string& object);                   // of one that was added, or none
  void Warn(std::string text);
  // The backup does not exist any more: nor do `objects` and what else only it needed.
  void Forget(const std::string& backup_id, const std::vector<std::string>& objects);

  bool Has(const std::string& object) const;
  bool empty() const;
  // In the order of their names.
  std::vector<DamagedObject> Damaged() const;
  // The first thousand, and how many more there are.
  std::vector<std::string> Warnings() const;

 private:
  DamagedObject& Entry(const std::string& object, const Error& error);

  mutable std::mutex mutex_;
  std::map<std::string, DamagedObject> damaged_;
  std::vector<std::string> warnings_;
  uint64_t warnings_left_out_ = 0;
};

}  // namespace pgcairn::commands
