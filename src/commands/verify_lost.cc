#include "commands/verify_lost.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "commands/archive.h"
#include "commands/verify_wal.h"
#include "repository/wal_store/wal_store.h"

namespace pgcairn::commands {
namespace {

using postgres::Lsn;
using postgres::TimelineId;

// The archive of one PostgreSQL cluster, and the backups and windows that belong to it.
class SystemView {
 public:
  static Result<std::unique_ptr<SystemView>> Make(const repository::ClusterAccess& cluster,
                                                  uint64_t system, uint64_t segment_bytes) {
    std::unique_ptr<SystemView> view(new SystemView(cluster, system));
    ASSIGN_OR_RETURN(view->archive_, Archive::Read(view->wal_, segment_bytes));
    return view;
  }

  std::vector<const format::Manifest*> manifests;
  std::vector<const RecoveryWindow*> windows;

  // What a file of the archive that cannot be used takes away; nothing when no backup is recovered
  // with it.
  Result<std::optional<LostPart>> LostWithFile(const std::string& file) const {
    const uint64_t bytes = archive_.segment_bytes();
    switch (postgres::KindOfWalFile(file)) {
      case postgres::WalFileKind::kSegment: {
        auto segment = postgres::ParseWalSegmentName(file, bytes);
        if (!segment) return std::optional<LostPart>();
        Lsn start = postgres::SegmentStart(*segment, bytes);
        ASSIGN_OR_RETURN(std::optional<Lsn> reach,
                         FirstReach(segment->timeline, Lsn{start.value + bytes}));
        if (!reach) return std::optional<LostPart>();
        return Part(segment->timeline, std::max(start, *reach));
      }
      case postgres::WalFileKind::kHistory:
        return LostWithTimeline(file);
      default:
        return std::optional<LostPart>();
    }
  }

  // What the loss of a backup takes away; nothing when an older one reaches as far.
  Result<std::optional<LostPart>> LostWithBackup(const format::Manifest& manifest) const {
    TimelineId timeline{manifest.timeline()};
    Lsn stop{manifest.stop_lsn()};
    for (const RecoveryWindow* window : windows) {
      if (stop < window->from_lsn || window->to_lsn < stop) continue;
      ASSIGN_OR_RETURN(bool same_log, Continues(window->timeline, timeline, stop));
      if (same_log) return std::optional<LostPart>();
    }
    return Part(timeline, stop);
  }

 private:
  SystemView(const repository::ClusterAccess& cluster, uint64_t system) : wal_(cluster, system) {}

  Result<bool> Continues(TimelineId timeline, TimelineId ancestor, Lsn until) const {
    return postgres::DescendsFrom(timeline, archive_.HistoryOf(timeline), ancestor, until);
  }

  // The first place that a backup which starts before `end` is consistent at.
  Result<std::optional<Lsn>> FirstReach(TimelineId timeline, Lsn end) const {
    std::optional<Lsn> reach;
    for (const format::Manifest* manifest : manifests) {
      Lsn stop{manifest->stop_lsn()};
      if (Lsn{manifest->start_lsn()} >= end) continue;
      ASSIGN_OR_RETURN(bool on_path, Continues(timeline, {manifest->timeline()}, stop));
      if (on_path) reach = std::min(reach.value_or(stop), stop);
    }
    return reach;
  }

  // Backups of older timelines cannot be brought onto this one.
  Result<std::optional<LostPart>> LostWithTimeline(const std::string& file) const {
    for (TimelineId timeline : archive_.Timelines()) {
      if (postgres::HistoryFileName(timeline) != file) continue;
      for (const format::Manifest* manifest : manifests) {
        if (manifest->timeline() >= timeline.value) continue;
        postgres::WalSegment first{timeline, archive_.OldestOf(timeline)};
        return Part(timeline, postgres::SegmentStart(first, archive_.segment_bytes()));
      }
    }
    return std::optional<LostPart>();
  }

  Result<std::optional<LostPart>> Part(TimelineId timeline, Lsn from) const {
    LostPart part;
    part.system_identifier = wal_.system_identifier();
    part.timeline = timeline;
    part.from_lsn = from;
    std::optional<Lsn> before;
    for (const RecoveryWindow* window : windows) {
      ASSIGN_OR_RETURN(bool after, Continues(window->timeline, timeline, from));
      if (after && window->from_lsn > from && (!part.to_lsn || window->from_lsn < *part.to_lsn)) {
        part.to_lsn = window->from_lsn;
        part.to = window->from;
      }
      if (window->from_lsn <= from && window->to_lsn <= from &&
          (!before || *before < window->to_lsn)) {
        before = window->to_lsn;
        part.from = window->to ? window->to : window->from;
      }
    }
    return std::optional<LostPart>(part);
  }

  const repository::WalStore wal_;
  Archive archive_;
};

bool IsSame(const LostPart& a, const LostPart& b) {
  return a.system_identifier == b.system_identifier && a.timeline == b.timeline &&
         a.from_lsn == b.from_lsn;
}

}  // namespace

Status AddLostParts(const repository::ClusterAccess& cluster,
                    const std::vector<format::Manifest>& manifests, const ClusterWindows& windows,
                    Findings& findings) {
  std::map<uint64_t, std::unique_ptr<SystemView>> views;
  std::map<std::string, const format::Manifest*> by_id;
  for (const format::Manifest& manifest : manifests) {
    // No moments of the log begin with it.
    if (manifest.method() == format::Manifest::LOGICAL) continue;
    by_id[manifest.backup_id()] = &manifest;
    std::unique_ptr<SystemView>& view = views[manifest.system_identifier()];
    if (!view) {
      ASSIGN_OR_RETURN(view, SystemView::Make(cluster, manifest.system_identifier(),
                                              manifest.wal_segment_size()));
    }
    view->manifests.push_back(&manifest);
  }
  for (const RecoveryWindow& window : windows.windows) {
    auto view = views.find(window.system_identifier);
    if (view != views.end()) view->second->windows.push_back(&window);
  }
  for (const DamagedObject& damaged : findings.Damaged()) {
    std::vector<LostPart> parts;
    auto add = [&](const std::optional<LostPart>& part) {
      if (!part) return;
      bool there = std::any_of(parts.begin(), parts.end(),
                               [&](const LostPart& other) { return IsSame(other, *part); });
      if (!there) parts.push_back(*part);
    };
    std::optional<WalPlace> place = ParseWalObjectName(cluster.names, damaged.object);
    if (place && views.contains(place->system_identifier)) {
      ASSIGN_OR_RETURN(std::optional<LostPart> part,
                       views[place->system_identifier]->LostWithFile(place->file));
      add(part);
    }
    for (const std::string& id : damaged.backups) {
      // What follows from a segment that is gone was said above.
      if (place || !by_id.contains(id)) continue;
      ASSIGN_OR_RETURN(std::optional<LostPart> part,
                       views[by_id[id]->system_identifier()]->LostWithBackup(*by_id[id]));
      add(part);
    }
    for (const LostPart& part : parts) findings.AddLost(damaged.object, part);
  }
  return {};
}

}  // namespace pgcairn::commands
