#include "commands/wal_sparing.h"

#include "postgres/lsn.h"

namespace pgcairn::commands {
namespace {

// Of all archived files but history files the name begins with a segment's: timeline (8 digits) and
// place (16), both of which sort as the numbers do.
constexpr size_t kTimelineDigits = 8;
constexpr size_t kSegmentDigits = 24;

}  // namespace

void WalSparing::SpareNeedsOf(const format::Manifest& manifest) {
  for (const format::WalProof& segment : manifest.wal()) {
    needed_.emplace(manifest.system_identifier(), segment.name());
  }
}

void WalSparing::SpareFrom(uint64_t system_identifier, uint32_t timeline, uint64_t lsn) {
  auto bytes = segment_bytes_.find(system_identifier);
  if (bytes == segment_bytes_.end()) return;
  postgres::WalSegment first = postgres::SegmentHolding({timeline}, {lsn}, bytes->second);
  std::string name = postgres::WalSegmentName(first, bytes->second);
  from_.emplace(system_identifier,
                From{name.substr(0, kTimelineDigits), name.substr(kTimelineDigits)});
}

bool WalSparing::Spares(const ArchivedFile& file) const {
  if (all_ || !segment_bytes_.contains(file.system_identifier)) return true;
  const std::string segment = file.file.substr(0, kSegmentDigits);
  if (needed_.contains({file.system_identifier, segment})) return true;
  const std::string timeline = segment.substr(0, kTimelineDigits);
  const std::string place = segment.substr(kTimelineDigits);
  auto [first, last] = from_.equal_range(file.system_identifier);
  for (auto from = first; from != last; ++from) {
    if (timeline >= from->second.timeline && place >= from->second.place) return true;
  }
  return false;
}

void SpareForRuns(const Situation& situation, WalSparing& sparing) {
  for (const repository::StoredLease& stored : situation.runs.live) {
    const format::Lease& lease = stored.lease;
    switch (lease.kind()) {
      case format::Lease::PRUNE:
        break;
      case format::Lease::RESTORE:
      case format::Lease::VERIFY: {
        auto base = situation.backups.find(lease.base_backup_id());
        if (base == situation.backups.end()) {
          sparing.SpareAll();
        } else {
          sparing.SpareFromStartOf(base->second);
        }
        break;
      }
      default:
        if (lease.has_wal()) {
          sparing.SpareFrom(lease.wal().system_identifier(), lease.wal().timeline(),
                            lease.wal().from_lsn());
        } else {
          sparing.SpareAll();
        }
    }
  }
}

}  // namespace pgcairn::commands
