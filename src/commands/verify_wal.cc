#include "commands/verify_wal.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "commands/archive.h"
#include "commands/deleted_wal.h"
#include "commands/verify_wal_file.h"
#include "commands/wal_wait.h"
#include "commands/work_in_parallel.h"
#include "postgres/lsn.h"
#include "repository/wal_store/wal_store.h"

namespace pgcairn::commands {
namespace {

using postgres::WalFileKind;
using postgres::WalSegment;

constexpr uint64_t kSegmentBytesInMemory = uint64_t{96} << 20;

Error Missing(std::string message) { return {Code::kNotFound, std::move(message), ""}; }

class WalVerifier {
 public:
  WalVerifier(const WalCheck& check, Findings& findings)
      : check_(check),
        findings_(findings),
        wal_(check.cluster, check.system_identifier),
        root_(check.cluster.names.Wal(check.system_identifier)) {
    for (const format::Manifest* manifest : check.manifests) {
      for (const format::WalProof& proof : manifest->wal()) {
        wanted_[proof.name()].push_back({proof.content_identity(), manifest->backup_id()});
      }
      first_wanted_ = std::min(first_wanted_, FirstSegment(*manifest).number);
    }
  }

  WalCounts Run() {
    VerifyObjects();
    Result<Archive> archive = Archive::Read(wal_, check_.segment_bytes);
    if (!archive.ok()) {
      findings_.Add(root_, archive.error());
      return {files_, bytes_};
    }
    for (const format::Manifest* manifest : check_.manifests) CheckProofs(*archive, *manifest);
    Result<DeletedWal> deleted =
        DeletedWal::Read(check_.cluster, {check_.system_identifier}, check_.segment_bytes);
    if (deleted.ok()) {
      deleted_ = *std::move(deleted);
    } else {
      findings_.Add(check_.cluster.names.Deletions(), deleted.error());
    }
    for (postgres::TimelineId timeline : archive->Timelines()) {
      Status status = CheckContinuity(*archive, timeline);
      if (!status.ok())
        findings_.Add(ObjectOf(postgres::HistoryFileName(timeline)), status.error());
    }
    CheckHistories(*archive);
    return {files_, bytes_};
  }

 private:
  struct Proof {
    std::string content_identity;
    std::string backup_id;
  };

  std::string ObjectOf(const std::string& file) const {
    return check_.cluster.names.WalFile(check_.system_identifier, file);
  }

  WalSegment FirstSegment(const format::Manifest& manifest) const {
    return postgres::SegmentHolding({manifest.timeline()}, {manifest.start_lsn()},
                                    check_.segment_bytes);
  }

  // Directory by directory: each holds the segments of 4 GiB of log.
  void VerifyObjects() {
    Result<storage::Listing> logs = check_.cluster.storage.List(root_);
    if (!logs.ok()) {
      findings_.Add(root_, logs.error());
      return;
    }
    for (const storage::ObjectInfo& object : logs->objects) {
      findings_.Warn(object.name + " is not known: pgcairn did not put it there");
    }
    for (const std::string& directory : logs->directories) {
      Result<storage::Listing> files = check_.cluster.storage.List(directory);
      if (!files.ok()) {
        findings_.Add(directory, files.error());
        continue;
      }
      std::erase_if(files->objects,
                    [&](const storage::ObjectInfo& object) { return !IsWanted(object.name); });
      VerifyDirectory(files->objects);
    }
  }

  bool IsWanted(const std::string& object) {
    std::string file = object.substr(object.rfind('/') + 1);
    if (postgres::KindOfWalFile(file) == WalFileKind::kOther || ObjectOf(file) != object) {
      findings_.Warn(object + " is not known: pgcairn did not put it there");
      return false;
    }
    if (check_.all || postgres::KindOfWalFile(file) == WalFileKind::kHistory) return true;
    auto segment = postgres::ParseWalSegmentName(file.substr(0, 24), check_.segment_bytes);
    return !segment || segment->number >= first_wanted_;
  }

  void VerifyDirectory(const std::vector<storage::ObjectInfo>& objects) {
    const size_t at_once =
        std::max<uint64_t>(1, kSegmentBytesInMemory / (2 * check_.segment_bytes));
    WorkInParallel(std::min(check_.threads, at_once), objects.size(), check_.progress,
                   [&]() -> Worker {
                     return [this, &objects](size_t index) { VerifyObject(objects[index]); };
                   });
  }

  void VerifyObject(const storage::ObjectInfo& object) {
    std::string file = object.name.substr(object.name.rfind('/') + 1);
    Status status = VerifyWalFile(wal_, file, check_.segment_bytes, [&](ByteView identity) {
      auto proofs = wanted_.find(file);
      if (proofs == wanted_.end()) return Status();
      for (const Proof& proof : proofs->second) {
        if (proof.content_identity == ToString(identity)) continue;
        return Status(Damaged(fmt::format(
            "{} is not the file that the backup {} saw in the archive", file, proof.backup_id)));
      }
      return Status();
    });
    ++files_;
    bytes_ += object.size_bytes;
    check_.progress.Add(object.size_bytes);
    // Deleted since it was listed; where something needs it, it is missed below.
    if (status.ok() || status.code() == Code::kNotFound) return;
    findings_.Add(object.name, status.error(), BackupsThatNeed(file));
    check_.hiding.Hide(object.name);
  }

  std::vector<std::string> BackupsThatNeed(const std::string& file) const {
    std::vector<std::string> ids;
    auto proofs = wanted_.find(file);
    if (proofs == wanted_.end()) return ids;
    for (const Proof& proof : proofs->second) ids.push_back(proof.backup_id);
    return ids;
  }

  // What a backup cannot become consistent without.
  void CheckProofs(const Archive& archive, const format::Manifest& manifest) {
    const std::vector<std::string> needed = SegmentsBetween(
        {manifest.timeline()}, {manifest.start_lsn()}, {manifest.stop_lsn()}, check_.segment_bytes);
    const bool complete =
        std::equal(needed.begin(), needed.end(), manifest.wal().begin(), manifest.wal().end(),
                   [](const std::string& name, const format::WalProof& proof) {
                     return name == proof.name();
                   });
    if (!complete) {
      findings_.Add(check_.cluster.names.Manifest(manifest.backup_id()),
                    Damaged("the manifest does not name the segments from its start to its stop"),
                    {manifest.backup_id()});
    }
    for (const std::string& name : needed) {
      auto segment = postgres::ParseWalSegmentName(name, check_.segment_bytes);
      if (segment && archive.Has(*segment)) continue;
      if (findings_.Has(ObjectOf(name))) continue;
      findings_.Add(ObjectOf(name), Missing(fmt::format("{} is missing", name)),
                    {manifest.backup_id()});
    }
    CheckBackupHistory(archive, manifest);
  }

  // A file that only people read: its loss is worth a word, once it must have been archived.
  void CheckBackupHistory(const Archive& archive, const format::Manifest& manifest) {
    WalSegment first = FirstSegment(manifest);
    WalSegment after =
        postgres::SegmentBefore({manifest.timeline()}, {manifest.stop_lsn()}, check_.segment_bytes);
    ++after.number;
    if (!archive.Has(after)) return;
    std::string object = ObjectOf(fmt::format("{}.{:08X}.backup", archive.NameOf(first),
                                              manifest.start_lsn() % check_.segment_bytes));
    if (findings_.Has(object)) return;
    Result<storage::ObjectInfo> info = check_.cluster.storage.Stat(object);
    if (info.ok() || info.code() != Code::kNotFound) return;
    findings_.Warn(object + " is missing; nothing needs it to restore");
  }

  // From the first start of a backup on the path to `timeline` to its newest segment.
  Status CheckContinuity(const Archive& archive, postgres::TimelineId timeline) {
    std::optional<uint64_t> first;
    for (const format::Manifest* manifest : check_.manifests) {
      ASSIGN_OR_RETURN(bool descends,
                       postgres::DescendsFrom(timeline, archive.HistoryOf(timeline),
                                              {manifest->timeline()}, {manifest->stop_lsn()}));
      if (!descends) continue;
      const uint64_t number = FirstSegment(*manifest).number;
      first = std::min(first.value_or(number), number);
    }
    if (!first) return {};
    const uint64_t newest = archive.NewestOf(timeline);
    std::optional<std::pair<WalSegment, WalSegment>> gap;
    for (uint64_t number = *first; number <= newest; ++number) {
      const postgres::Lsn last_byte{(number + 1) * check_.segment_bytes - 1};
      ASSIGN_OR_RETURN(postgres::TimelineId holder,
                       postgres::TimelineHolding(timeline, archive.HistoryOf(timeline), last_byte));
      WalSegment segment{holder, number};
      const bool present = archive.Has(segment) || deleted_.Holds(segment) ||
                           findings_.Has(ObjectOf(archive.NameOf(segment)));
      if (!present && gap && gap->second.timeline == holder) {
        gap->second = segment;
        continue;
      }
      if (gap) ReportGap(archive, *gap);
      gap.reset();
      if (!present) gap.emplace(segment, segment);
    }
    if (gap) ReportGap(archive, *gap);
    return {};
  }

  void ReportGap(const Archive& archive, const std::pair<WalSegment, WalSegment>& gap) {
    const std::string first = archive.NameOf(gap.first);
    const uint64_t count = gap.second.number - gap.first.number + 1;
    findings_.Add(ObjectOf(first),
                  Missing(count == 1 ? fmt::format("{} is missing", first)
                                     : fmt::format("{} segments are missing, {} to {}", count,
                                                   first, archive.NameOf(gap.second))),
                  BackupsThatNeed(first));
  }

  void CheckHistories(const Archive& archive) {
    if (check_.manifests.empty()) return;
    auto oldest = std::min_element(
        check_.manifests.begin(), check_.manifests.end(),
        [](const auto* a, const auto* b) { return a->timeline() < b->timeline(); });
    for (postgres::TimelineId timeline : archive.WithoutHistory({(*oldest)->timeline()})) {
      std::string name = postgres::HistoryFileName(timeline);
      if (findings_.Has(ObjectOf(name))) continue;
      findings_.Add(ObjectOf(name),
                    Missing(fmt::format("{} is missing: where timeline {} begins is not known",
                                        name, timeline.value)));
    }
  }

  const WalCheck& check_;
  Findings& findings_;
  const repository::WalStore wal_;
  const std::string root_;
  std::map<std::string, std::vector<Proof>> wanted_;
  uint64_t first_wanted_ = UINT64_MAX;
  DeletedWal deleted_;
  std::atomic<uint64_t> files_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace

std::optional<WalPlace> ParseWalObjectName(const repository::ClusterNames& names,
                                           std::string_view object) {
  constexpr size_t kDigits = 16;
  const std::string root = names.Root() + "/wal/";
  if (!object.starts_with(root) || object.size() < root.size() + kDigits) return std::nullopt;
  std::string_view digits = object.substr(root.size(), kDigits);
  WalPlace place;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), place.system_identifier, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  place.file = object.substr(object.rfind('/') + 1);
  if (names.WalFile(place.system_identifier, place.file) != object) return std::nullopt;
  return place;
}

WalCounts VerifyWal(const WalCheck& check, Findings& findings) {
  return WalVerifier(check, findings).Run();
}

}  // namespace pgcairn::commands
