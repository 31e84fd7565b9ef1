#include "commands/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "commands/damage_records.h"
#include "commands/newest_backup.h"
#include "commands/open_cluster.h"
#include "commands/reading_lease.h"
#include "commands/recovery_window.h"
#include "commands/verify_inventory.h"
#include "commands/verify_lost.h"
#include "commands/verify_manifest.h"
#include "commands/verify_notes.h"
#include "commands/verify_opening.h"
#include "commands/verify_packs.h"
#include "commands/verify_streams.h"
#include "commands/verify_wal.h"
#include "repository/history_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/manifest/reference_list.h"
#include "repository/pack/proven_packs.h"
#include "repository/seal/document.h"
#include "repository/seal/stored_shape.h"
#include "repository/wal_store/wal_store.h"
#include "storage/hiding/hiding_storage.h"
#include "storage/local/local_storage.h"
#include "util/clock.h"

namespace pgcairn::commands {
namespace {

using repository::StoredPack;

// More would only wait for each other's packs to leave the memory.
constexpr size_t kThreadsMax = 8;
constexpr uint64_t kPackBytesInMemory = uint64_t{96} << 20;
constexpr uint64_t kPackBytesUsual = uint64_t{16} << 20;
constexpr uint64_t kOwnReferenceListBytesMax = uint64_t{1} << 30;

// One backup on its way through the verification.
struct CheckedBackup {
  VerifiedBackup result;
  const format::Manifest* manifest = nullptr;  // null without a key, or when it cannot be read
  bool listed = false;                         // its reference list could be read
};

class Verification {
 public:
  Verification(std::shared_ptr<storage::Storage> storage, const std::string& cluster,
               const VerifyOptions& options)
      : writable_(storage),
        storage_(std::move(storage)),
        names_(cluster),
        options_(options),
        threads_(std::clamp<size_t>(options.threads, 1, kThreadsMax)),
        records_(*writable_, names_, findings_) {
    report_.cluster = cluster;
  }

  Result<VerifyReport> Run(const repository::Credentials& credentials) {
    const double began = MonotonicSeconds();
    RETURN_IF_ERROR(Open(credentials));
    if (IsAll()) RETURN_IF_ERROR(TakeLease(""));
    RETURN_IF_ERROR(FindBackups());
    if (!IsAll()) RETURN_IF_ERROR(TakeLease(candidates_.front().result.backup_id));
    ReadManifests();
    ReadReferences();
    RETURN_IF_ERROR(MakeProgress());
    records_.Begin();
    repository::ProvenPacks packs(storage_, names_, std::move(references_), MemoryForPacks(),
                                  [this](uint64_t bytes) { progress_->Add(bytes); });
    // From here on packs are read through what proves them.
    if (opened_) {
      cluster_.emplace(
          repository::ClusterAccess{packs, names_, opened_->place, std::move(opened_->keys)});
    }
    VerifyBackups(packs);
    VerifyPacks(packs);
    if (!IsNew()) {
      VerifyArchives();
      VerifyRest(packs);
    }
    RETURN_IF_ERROR(LeaveOutDeleted());
    JudgeBackups();
    Status windows = FindWindows();
    if (!windows.ok()) {
      findings_.Warn("what can be restored cannot be told: " + windows.error().message);
    }
    records_.Update(packs, IsAll() && cluster_ && IsAllGood());
    NoteVerified();
    Summarise();
    report_.seconds = MonotonicSeconds() - began;
    return std::move(report_);
  }

 private:
  Status Open(const repository::Credentials& credentials) {
    ASSIGN_OR_RETURN(storage::Listing listing, storage_.List(names_.Root()));
    if (listing.directories.empty()) {
      return Error{Code::kNotFound,
                   fmt::format("{} holds no {}", storage_.Describe(), names_.Root()),
                   "run `pgcairn init`, or name another place or cluster"};
    }
    std::vector<std::string> differing = CheckOpeningObjects(storage_, names_, findings_);
    if (options_.without_key) {
      BlameBoth(differing, findings_);
      report_.with_key = false;
      return {};
    }
    Result<std::unique_ptr<repository::ClusterAccess>> opened =
        OpenAroundDamage(storage_, report_.cluster, credentials, differing, findings_);
    if (opened.ok()) {
      opened_ = std::move(*opened);
      report_.encrypted = opened_->keys.encrypted();
      return {};
    }
    if (findings_.empty()) return opened.status();
    // What is damaged may be why; the stored bytes can still be checked.
    findings_.Warn("the cluster cannot be opened, so that only stored bytes were checked: " +
                   opened.error().message);
    report_.with_key = false;
    return {};
  }

  Status FindBackups() {
    ASSIGN_OR_RETURN(backup_names_, ListBackupNames(storage_, names_, findings_));
    std::vector<std::string> ids = backup_names_.ids;
    if (!IsAll()) {
      // Without a key nobody can tell what is in one.
      ASSIGN_OR_RETURN(std::string id, opened_
                                           ? ResolveBackupWithRows(*opened_, ids, options_.backup)
                                           : repository::ResolveBackupId(ids, options_.backup));
      ids = {id};
    }
    for (std::string& id : ids) {
      CheckedBackup candidate;
      candidate.result.backup_id = std::move(id);
      candidates_.push_back(std::move(candidate));
    }
    return {};
  }

  // With what was deleted under it a verification would cry for nothing. Without a key there is
  // none.
  Status TakeLease(const std::string& base) {
    if (!opened_) return {};
    // Whatever else verifies writes nowhere.
    repository::ClusterAccess writing{*writable_, names_, opened_->place, std::move(opened_->keys)};
    Result<ReadingLease> lease = ReadingLease::Take(writing, format::Lease::VERIFY, base);
    opened_->keys = std::move(writing.keys);
    RETURN_IF_ERROR(lease.status());
    lease_.emplace(*std::move(lease));
    return {};
  }

  // All of them, but for what is new: windows and predecessors need the others too.
  void ReadManifests() {
    if (!opened_) {
      for (const CheckedBackup& candidate : candidates_) CheckManifestShape(candidate);
      return;
    }
    std::map<std::string, crypto::Sha256Digest> hashes;
    manifests_.reserve(backup_names_.ids.size());  // candidates point into it
    for (const std::string& id : backup_names_.ids) {
      if (IsNew() && Find(id) == nullptr) continue;
      Result<repository::StoredManifest> stored = repository::ReadManifest(*opened_, id);
      CheckedBackup* candidate = Find(id);
      if (!stored.ok()) {
        if (candidate != nullptr) findings_.Add(names_.Manifest(id), stored.error(), {id});
        continue;
      }
      hashes[id] = stored->sha256;
      systems_[stored->manifest.system_identifier()] = stored->manifest.wal_segment_size();
      manifests_.push_back(Lightened(std::move(stored->manifest)));
      if (candidate == nullptr) continue;
      candidate->manifest = &manifests_.back();
      candidate->result.files = candidate->manifest->stream_count();
      candidate->result.bytes = candidate->manifest->stream_bytes();
      candidate->result.bad_page_count = candidate->manifest->bad_page_count();
    }
    if (IsNew()) return;
    for (const format::Manifest& manifest : manifests_) {
      VerifyPredecessor(*opened_, manifest, hashes, backup_names_.lists, findings_);
    }
  }

  void CheckManifestShape(const CheckedBackup& candidate) {
    const std::string name = names_.Manifest(candidate.result.backup_id);
    Result<Bytes> object = storage_.Get(name, repository::kSealedDocumentBytesMax);
    Status status =
        object.ok()
            ? repository::CheckStoredShape(repository::ObjectKind::kManifest, *object).Context(name)
            : object.status();
    if (!status.ok()) findings_.Add(name, status.error(), {candidate.result.backup_id});
  }

  // Thousands of manifests are kept at once: without what is looked at one by one.
  static format::Manifest Lightened(format::Manifest manifest) {
    manifest.clear_control_file();
    manifest.clear_backup_label();
    manifest.clear_tablespace_map();
    manifest.clear_stream_lists();
    manifest.clear_bad_pages();
    manifest.clear_settings();
    manifest.clear_notes();
    manifest.clear_databases();
    return manifest;
  }

  const repository::ClusterAccess& Access() const { return cluster_ ? *cluster_ : *opened_; }

  CheckedBackup* Find(const std::string& id) {
    for (CheckedBackup& candidate : candidates_) {
      if (candidate.result.backup_id == id) return &candidate;
    }
    return nullptr;
  }

  const format::Manifest* ManifestOf(const std::string& id) const {
    auto found = std::ranges::find(manifests_, id, &format::Manifest::backup_id);
    return found == manifests_.end() ? nullptr : &*found;
  }

  Result<std::vector<StoredPack>> ReadList(const std::string& id) {
    const format::Manifest* manifest = ManifestOf(id);
    if (manifest != nullptr) return repository::ReadReferences(Access(), *manifest);
    ASSIGN_OR_RETURN(Bytes text, storage_.Get(names_.References(id), kOwnReferenceListBytesMax));
    return repository::DecodeReferenceList(id, text);
  }

  // Into one sorted table of all packs that are needed and to be read.
  void ReadReferences() {
    for (CheckedBackup& candidate : candidates_) {
      const std::string& id = candidate.result.backup_id;
      Result<std::vector<StoredPack>> list = ReadList(id);
      candidate.listed = list.ok();
      if (!list.ok()) {
        // A restore goes by the maps; without a key nobody else can say which packs there were.
        findings_.Add(names_.References(id), list.error(),
                      candidate.manifest ? std::vector<std::string>() : std::vector{id});
        continue;
      }
      if (IsNew() && candidate.manifest) {
        *list = LeaveOutPacksOfBase(*candidate.manifest, std::move(*list));
      }
      std::vector<StoredPack> merged;
      merged.reserve(std::max(references_.size(), list->size()));
      std::set_union(references_.begin(), references_.end(), list->begin(), list->end(),
                     std::back_inserter(merged),
                     [](const StoredPack& a, const StoredPack& b) { return a.sha256 < b.sha256; });
      references_ = std::move(merged);
    }
  }

  // What the run of a backup stored itself is not in the list of the backup that it compared with.
  std::vector<StoredPack> LeaveOutPacksOfBase(const format::Manifest& manifest,
                                              std::vector<StoredPack> list) {
    if (!manifest.has_base_backup_id()) return list;
    const std::string& id = manifest.base_backup_id();
    Result<repository::StoredManifest> base = repository::ReadManifest(*opened_, id);
    Result<std::vector<StoredPack>> packs =
        base.ok() ? repository::ReadReferences(*opened_, base->manifest)
                  : Result<std::vector<StoredPack>>(base.error());
    if (!packs.ok()) {
      findings_.Warn(
          fmt::format("all packs of the backup {} are read, because it cannot be told "
                      "which of them are new: {}",
                      manifest.backup_id(), packs.error().message));
      return list;
    }
    return PacksNotIn(*packs, list, shared_packs_);
  }

  Status MakeProgress() {
    uint64_t total = 0;
    for (const StoredPack& pack : references_) total += pack.length;
    storage::Listing systems;
    if (!IsNew()) {
      ASSIGN_OR_RETURN(systems, storage_.List(names_.Root() + "/wal"));
    }
    for (const std::string& system : systems.directories) {
      ASSIGN_OR_RETURN(storage::Listing logs, storage_.List(system));
      for (std::string& log : logs.directories) {
        ASSIGN_OR_RETURN(storage::Listing files, storage_.List(log));
        for (const storage::ObjectInfo& file : files.objects) total += file.size_bytes;
        wal_directories_.push_back(std::move(log));
      }
    }
    progress_.emplace(options_.progress, "verify", total);
    return {};
  }

  void VerifyBackups(const repository::ProvenPacks& packs) {
    ProvenLeaves proven;
    for (CheckedBackup& candidate : candidates_) {
      if (!candidate.manifest) continue;
      const std::string& id = candidate.result.backup_id;
      Result<repository::StoredManifest> stored = repository::ReadManifest(*cluster_, id);
      if (!stored.ok()) {
        findings_.Add(names_.Manifest(id), stored.error(), {id});
        continue;
      }
      Result<std::vector<StoredPack>> list = ReadList(id);
      if (list.ok()) VerifyManifest(*cluster_, stored->manifest, *list, findings_);
      StreamCheck check{*cluster_, packs, stored->manifest, list.ok() ? &*list : nullptr,
                        // Without a list, all that the maps lead to counts as new.
                        IsNew() && list.ok() ? &packs.packs() : nullptr, threads_, *progress_,
                        proven};
      report_.pages_checked += VerifyStreams(check, findings_);
    }
  }

  void VerifyPacks(repository::ProvenPacks& packs) {
    BadPacks bad = ProvePacks(packs, threads_, *progress_);
    for (const StoredPack& pack : packs.packs()) report_.pack_bytes += pack.length;
    report_.packs = packs.packs().size();
    if (IsNew()) {
      bad.merge(FindAbsentPacks(storage_, names_, shared_packs_,
                                candidates_.front().result.backup_id, findings_));
    }
    report_.packs_present = shared_packs_.size();
    if (bad.empty()) return;
    // Of all backups that there are, whichever are verified: the packs of one are others' too.
    Findings unknown;  // named before
    Result<BackupNames> now = ListBackupNames(storage_, names_, unknown);
    NameBadPacks(
        bad, now.ok() ? now->ids : backup_names_.ids,
        [this](const std::string& id) { return ReadList(id); }, names_, findings_);
  }

  void VerifyArchives() {
    if (!cluster_) {
      VerifyArchiveShape();
      return;
    }
    for (const auto& [system, segment_bytes] : SystemsToVerify()) {
      std::vector<const format::Manifest*> manifests;
      for (const CheckedBackup& candidate : candidates_) {
        if (NeedsWal(candidate) && candidate.manifest->system_identifier() == system) {
          manifests.push_back(candidate.manifest);
        }
      }
      WalCounts counts = VerifyWal(
          {*cluster_, storage_, system, segment_bytes, manifests, IsAll(), threads_, *progress_},
          findings_);
      report_.wal_files += counts.files;
      report_.wal_bytes += counts.stored_bytes;
    }
  }

  bool IsAll() const { return options_.scope == VerifyOptions::Scope::kAll; }
  bool IsNew() const { return options_.scope == VerifyOptions::Scope::kNew; }

  // Small for what follows a backup: room for the packs that its threads wrote side by side.
  uint64_t MemoryForPacks() const {
    return IsNew() ? std::min(kPackBytesInMemory, kPackBytesUsual * (threads_ + 2))
                   : kPackBytesInMemory;
  }

  static bool NeedsWal(const CheckedBackup& candidate) {
    return candidate.manifest != nullptr &&
           candidate.manifest->method() != format::Manifest::LOGICAL;
  }

  // Those of the backups, and in full those that have WAL and no backup yet, or no more.
  std::map<uint64_t, uint64_t> SystemsToVerify() {
    std::map<uint64_t, uint64_t> systems;
    for (const CheckedBackup& candidate : candidates_) {
      if (!NeedsWal(candidate)) continue;
      systems[candidate.manifest->system_identifier()] = candidate.manifest->wal_segment_size();
    }
    if (!IsAll()) return systems;
    Result<std::vector<format::ClusterHistory>> histories = repository::ListHistory(*cluster_);
    if (!histories.ok()) return systems;  // named where documents are verified
    for (const format::ClusterHistory& entry : *histories) {
      systems.try_emplace(entry.system_identifier(), entry.wal_segment_size());
    }
    return systems;
  }

  void VerifyArchiveShape() {
    constexpr uint64_t kObjectBytesMax =
        repository::kWalFileBytesMax + repository::kWalFileBytesMax / 64;
    for (const std::string& directory : wal_directories_) {
      Result<storage::Listing> listing = storage_.List(directory);
      if (!listing.ok()) {
        findings_.Add(directory, listing.error());
        continue;
      }
      const std::vector<storage::ObjectInfo>& objects = listing->objects;
      // One thread: it is the disk that takes the time.
      for (const storage::ObjectInfo& object : objects) {
        Result<Bytes> bytes = storage_.Get(object.name, kObjectBytesMax);
        Status status = bytes.ok()
                            ? repository::CheckStoredShape(repository::ObjectKind::kWal, *bytes)
                                  .Context(object.name)
                            : bytes.status();
        if (!status.ok()) findings_.Add(object.name, status.error());
        ++report_.wal_files;
        report_.wal_bytes += object.size_bytes;
        progress_->Add(object.size_bytes);
        progress_->Show();
      }
    }
  }

  void VerifyRest(const repository::ProvenPacks& packs) {
    std::set<uint64_t> systems;
    for (const auto& [system, segment_bytes] : systems_) systems.insert(system);
    VerifyDocuments(storage_, names_, cluster_ ? &*cluster_ : nullptr, systems, findings_);
    if (!IsAll()) return;
    WarnOfUnknown(storage_, names_, findings_);
    NameLeftovers();
    OrphanPacks orphans = FindOrphanPacks(storage_, names_, packs.packs(), findings_);
    if (orphans.count > 0 && !std::ranges::all_of(candidates_, &CheckedBackup::listed)) {
      // Called nobody's, somebody would delete them.
      findings_.Warn(fmt::format(
          "{} packs ({} bytes) stand in no reference list that can be read: the backups "
          "whose lists are damaged may need them",
          orphans.count, orphans.bytes));
      return;
    }
    report_.orphan_packs = orphans.count;
    report_.orphan_bytes = orphans.bytes;
  }

  // A run that died between its list and its manifest, or a manifest that somebody removed.
  void NameLeftovers() {
    for (const std::string& id : backup_names_.lists) {
      const std::string manifest = names_.Manifest(id);
      bool there = std::binary_search(backup_names_.ids.begin(), backup_names_.ids.end(), id);
      if (there || findings_.Has(manifest) || storage_.Stat(names_.Lease(id)).ok()) continue;
      findings_.Warn(
          fmt::format("{} does not exist, but its reference list does: a run ended "
                      "before its backup was one, or the manifest was lost",
                      manifest));
    }
  }

  // What a prune deleted while this went on is no loss: manifests go first.
  Status LeaveOutDeleted() {
    Findings unknown;  // named before
    Result<BackupNames> now = ListBackupNames(storage_, names_, unknown);
    if (!now.ok()) return {};
    auto is_gone = [&](const std::string& id) { return !std::ranges::binary_search(now->ids, id); };
    for (const std::string& id : backup_names_.ids) {
      if (is_gone(id)) findings_.Forget(id, {names_.Manifest(id), names_.References(id)});
    }
    std::erase_if(candidates_, [&](const CheckedBackup& candidate) {
      return is_gone(candidate.result.backup_id);
    });
    if (IsAll() || !candidates_.empty()) return {};
    return Error{Code::kNotFound,
                 fmt::format("the backup {} was deleted while it was verified", options_.backup),
                 "`pgcairn list` shows what there is"};
  }

  void JudgeBackups() {
    // Nothing can be restored from a cluster that cannot be opened.
    const bool closed = !cluster_ && !options_.without_key;
    for (CheckedBackup& candidate : candidates_) candidate.result.good = !closed;
    for (const DamagedObject& damaged : findings_.Damaged()) {
      storage_.Hide(damaged.object);
      for (const std::string& id : damaged.backups) {
        hurt_.insert(id);
        CheckedBackup* candidate = Find(id);
        if (candidate != nullptr) candidate->result.good = false;
      }
    }
  }

  // Proven down to the last unit.
  static bool IsProven(const CheckedBackup& candidate) {
    return candidate.listed && candidate.manifest != nullptr && candidate.result.good;
  }
  bool IsAllGood() const { return std::ranges::all_of(candidates_, IsProven); }

  void NoteVerified() {
    if (!cluster_) return;
    const repository::ClusterAccess writable{*writable_, names_, cluster_->place,
                                             std::move(cluster_->keys)};
    cluster_.reset();
    std::vector<std::string> proven;
    for (const CheckedBackup& candidate : candidates_) {
      if (IsProven(candidate)) proven.push_back(candidate.result.backup_id);
    }
    NoteVerifiedBackups(writable, proven,
                        IsNew() ? format::Verification::NEW_OBJECTS : format::Verification::WHOLE,
                        findings_);
  }

  // What is left without all that is damaged.
  Status FindWindows() {
    if (!cluster_ || IsNew()) return {};
    std::vector<format::Manifest> good;
    for (const format::Manifest& manifest : manifests_) {
      if (!hurt_.contains(manifest.backup_id())) good.push_back(manifest);
    }
    ASSIGN_OR_RETURN(report_.windows, FindRecoveryWindows(*cluster_, good));
    return AddLostParts(*cluster_, manifests_, report_.windows, findings_);
  }

  void Summarise() {
    for (CheckedBackup& candidate : candidates_) {
      if (options_.backup == "latest" && candidate.manifest && !HoldsRows(*candidate.manifest)) {
        findings_.Warn(fmt::format("no backup holds rows: {}, the newest, is of definitions alone",
                                   candidate.result.backup_id));
      }
      if (candidate.result.bad_page_count > 0) {
        findings_.Warn(fmt::format("{} pages in the backup {} were bad on the server already",
                                   candidate.result.bad_page_count, candidate.result.backup_id));
      }
      report_.backups.push_back(std::move(candidate.result));
    }
    report_.only_new = IsNew();
    report_.healed = records_.healed();
    report_.damaged = findings_.Damaged();
    report_.warnings = findings_.Warnings();
  }

  const std::shared_ptr<storage::Storage> writable_;
  storage::HidingStorage storage_;
  const repository::ClusterNames names_;
  const VerifyOptions& options_;
  const size_t threads_;
  Findings findings_;
  DamageRecords records_;
  VerifyReport report_;
  std::optional<Progress> progress_;

  std::unique_ptr<repository::ClusterAccess> opened_;  // null without a key
  std::optional<repository::ClusterAccess> cluster_;   // the same, over proven packs
  std::optional<ReadingLease> lease_;
  BackupNames backup_names_;
  std::vector<CheckedBackup> candidates_;
  std::vector<format::Manifest> manifests_;  // of all backups that can be read, oldest first
  std::map<uint64_t, uint64_t> systems_;     // PostgreSQL clusters and their WAL segment sizes
  std::vector<std::string> wal_directories_;
  std::vector<StoredPack> references_;    // of packs to be read
  std::vector<StoredPack> shared_packs_;  // kNew: of the backup that this one was compared with
  std::set<std::string> hurt_;            // ids of backups that cannot be restored whole
};

}  // namespace

Result<VerifyReport> VerifyStored(std::shared_ptr<storage::Storage> storage,
                                  const std::string& cluster,
                                  const repository::Credentials& credentials,
                                  const VerifyOptions& options) {
  if (options.without_key && options.scope == VerifyOptions::Scope::kNew) {
    return Error{Code::kUsage, "what is new in a backup cannot be told without a key",
                 "leave out --new, or --without-key"};
  }
  return Verification(std::move(storage), cluster, options).Run(credentials);
}

Result<VerifyReport> Verify(const config::Settings& settings, const VerifyOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<storage::LocalStorage> local,
                   storage::LocalStorage::Open(settings.storage.local_path));
  SettingsCredentials credentials(settings);
  ASSIGN_OR_RETURN(VerifyReport report, VerifyStored(std::move(local), settings.cluster.name,
                                                     credentials.get(), options));
  if (report.with_key) RETURN_IF_ERROR(RequireEncryptionAsSet(settings, report.encrypted));
  return report;
}

}  // namespace pgcairn::commands
