// Archived WAL that must stay whatever was planned: what backups that stay and runs that go on
// need.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "commands/prune_inventory.h"
#include "commands/prune_situation.h"
#include "format/manifest.pb.h"

namespace pgcairn::commands {

class WalSparing {
 public:
  // `segment_bytes` by system identifier. Of another system nothing may go.
  explicit WalSparing(std::map<uint64_t, uint64_t> segment_bytes)
      : segment_bytes_(std::move(segment_bytes)) {}

  void SpareAll() { all_ = true; }
  // The segments that the backup needs to become consistent.
  void SpareNeedsOf(const format::Manifest& manifest);
  // Everything from there on, on that timeline and on all later ones.
  void SpareFrom(uint64_t system_identifier, uint32_t timeline, uint64_t lsn);
  // A logical backup needs none.
  void SpareFromStartOf(const format::Manifest& manifest) {
    if (manifest.method() == format::Manifest::LOGICAL) return;
    SpareFrom(manifest.system_identifier(), manifest.timeline(), manifest.start_lsn());
  }

  // A .partial or .backup file goes with its segment.
  bool Spares(const ArchivedFile& file) const;

 private:
  struct From {
    std::string timeline;  // as in a segment's name
    std::string place;     // the rest of that name
  };

  const std::map<uint64_t, uint64_t> segment_bytes_;
  bool all_ = false;
  std::set<std::pair<uint64_t, std::string>> needed_;
  std::multimap<uint64_t, From> from_;
};

// What live runs need: backups from where they start, restores from the start of what they restore.
void SpareForRuns(const Situation& situation, WalSparing& sparing);

}  // namespace pgcairn::commands
