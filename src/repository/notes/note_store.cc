#include "repository/notes/note_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "repository/names.h"
#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

constexpr size_t kNumberDigits = 8;

std::string HostName() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return host;
}

std::string_view LastComponent(std::string_view name) { return name.substr(name.rfind('/') + 1); }

// The number of a note by its name; nothing for objects that pgcairn did not put there.
std::optional<uint32_t> NumberOf(const ClusterNames& names, const std::string& backup_id,
                                 const std::string& object) {
  std::string_view digits = LastComponent(object);
  std::optional<Bytes> bytes =
      digits.size() == kNumberDigits ? FromHex(digits) : std::optional<Bytes>();
  if (!bytes) return std::nullopt;
  uint32_t number = 0;
  for (uint8_t byte : *bytes) number = number << 8 | byte;
  if (names.Note(backup_id, number) != object) return std::nullopt;
  return number;
}

template <typename Message>
Status PutSealed(const ClusterAccess& cluster, const std::string& name, const Message& message) {
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kNote, cluster.keys.Current(),
                                              cluster.place, message.SerializeAsString()));
  return cluster.storage.PutIfAbsent(name, object);
}

template <typename Message>
Result<Message> ReadSealed(const ClusterAccess& cluster, const std::string& name) {
  Result<Bytes> object = cluster.storage.Get(name, kSealedDocumentBytesMax);
  if (!object.ok()) return std::move(object).Context("reading " + name).error();
  Result<std::string> message =
      OpenDocument(ObjectKind::kNote, *object, cluster.place, cluster.keys.Lookup());
  if (!message.ok()) return std::move(message).Context("opening " + name).error();
  Message parsed;
  if (!parsed.ParseFromString(*message)) {
    return Error{Code::kDamaged, fmt::format("{} cannot be read", name), ""};
  }
  return parsed;
}

// Listings are sorted by name, and so by number.
Result<std::vector<storage::ObjectInfo>> ListNotes(const ClusterAccess& cluster,
                                                   const std::string& backup_id) {
  ASSIGN_OR_RETURN(storage::Listing listing,
                   cluster.storage.List(cluster.names.NotesOn(backup_id)));
  std::erase_if(listing.objects, [&](const storage::ObjectInfo& object) {
    return !NumberOf(cluster.names, backup_id, object.name);
  });
  return std::move(listing.objects);
}

void Merge(const format::BackupNote& note, BackupNotes& merged) {
  if (note.has_pinned()) merged.pinned = note.pinned();
  if (note.has_note()) merged.note = note.note();
  if (note.has_verified()) merged.verified = note.verified();
}

// By whole name, oldest first, as they are stored.
struct StoredDeletions {
  std::map<std::string, format::Deletion> records;
  std::vector<std::string> unreadable;
};

// Nothing when one went away meanwhile: it was merged, so that another says what it said.
Result<std::optional<StoredDeletions>> ReadListedDeletions(const ClusterAccess& cluster,
                                                           bool may_go) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Deletions()));
  StoredDeletions stored;
  for (const storage::ObjectInfo& object : listing.objects) {
    if (!IsBackupId(LastComponent(object.name))) continue;
    Result<format::Deletion> record = ReadSealed<format::Deletion>(cluster, object.name);
    if (may_go && !record.ok() && record.code() == Code::kNotFound) {
      return std::optional<StoredDeletions>();
    }
    if (record.ok() && cluster.names.Deletion(record->prune_id()) != object.name) {
      record = Error{Code::kDamaged, fmt::format("{} is of another prune", object.name), ""};
    }
    if (record.ok()) {
      stored.records.emplace(object.name, std::move(*record));
    } else {
      stored.unreadable.push_back(record.error().message);
    }
  }
  return std::optional<StoredDeletions>(std::move(stored));
}

Result<StoredDeletions> ReadStoredDeletions(const ClusterAccess& cluster) {
  // Each time a prune has merged them: more of those in a row are a name that cannot be read.
  constexpr int kLooksMax = 5;
  for (int look = 1;; ++look) {
    ASSIGN_OR_RETURN(std::optional<StoredDeletions> stored,
                     ReadListedDeletions(cluster, look < kLooksMax));
    if (stored) return *std::move(stored);
  }
}

// What each prune recorded itself.
std::vector<format::Deletion> PartsOf(const format::Deletion& record) {
  if (record.each().empty()) return {record};
  return {record.each().begin(), record.each().end()};
}

// Takes earlier records into `deletion` when there are more than a handful, as far as they fit.
// Returns the names of those that are then said twice.
std::vector<std::string> MergeEarlier(const std::map<std::string, format::Deletion>& records,
                                      format::Deletion& deletion) {
  constexpr size_t kRecordsKept = 8;
  // Of the messages, which say everything twice; a document may hold four times as much.
  constexpr size_t kMergedBytesMax = kSealedDocumentBytesMax / 4;
  if (records.size() < kRecordsKept) return {};
  const format::Deletion own = deletion;
  std::vector<std::string> merged;
  size_t bytes = own.ByteSizeLong();
  for (const auto& [name, record] : records) {
    if (bytes + record.ByteSizeLong() > kMergedBytesMax) continue;
    bytes += record.ByteSizeLong();
    deletion.mutable_backup_ids()->MergeFrom(record.backup_ids());
    deletion.mutable_wal()->MergeFrom(record.wal());
    for (format::Deletion& part : PartsOf(record)) *deletion.add_each() = std::move(part);
    merged.push_back(name);
  }
  if (!merged.empty()) *deletion.add_each() = own;
  return merged;
}

}  // namespace

Status PutNote(const ClusterAccess& cluster, const std::string& backup_id,
               format::BackupNote note) {
  note.set_backup_id(backup_id);
  note.set_host(HostName());
  note.set_at_us(Timestamp::Now().unix_us);
  ASSIGN_OR_RETURN(std::vector<storage::ObjectInfo> present, ListNotes(cluster, backup_id));
  uint32_t number =
      present.empty() ? 0 : *NumberOf(cluster.names, backup_id, present.back().name) + 1;
  // Zero only when the highest number is taken: after it there is no later one.
  for (; number != 0 || present.empty(); ++number) {
    note.set_number(number);
    Status put = PutSealed(cluster, cluster.names.Note(backup_id, number), note);
    if (put.ok() || put.code() != Code::kAlreadyExists) {
      return std::move(put).Context("writing a note on " + backup_id);
    }
    if (number == std::numeric_limits<uint32_t>::max()) break;
  }
  return Error{
      Code::kRefused, fmt::format("there is no number left for a note on {}", backup_id),
      fmt::format("remove what does not belong there from {}", cluster.names.NotesOn(backup_id))};
}

Result<BackupNotes> ReadNotes(const ClusterAccess& cluster, const std::string& backup_id) {
  ASSIGN_OR_RETURN(std::vector<storage::ObjectInfo> objects, ListNotes(cluster, backup_id));
  BackupNotes merged;
  for (const storage::ObjectInfo& object : objects) {
    Result<format::BackupNote> note = ReadSealed<format::BackupNote>(cluster, object.name);
    if (note.ok() && cluster.names.Note(note->backup_id(), note->number()) != object.name) {
      note = Error{Code::kDamaged, fmt::format("{} is another note", object.name), ""};
    }
    if (note.ok()) {
      Merge(*note, merged);
    } else {
      merged.unreadable.push_back(note.error().message);
    }
  }
  return merged;
}

Result<std::map<std::string, BackupNotes>> ReadAllNotes(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Notes()));
  std::map<std::string, BackupNotes> all;
  for (const std::string& directory : listing.directories) {
    std::string id(LastComponent(directory));
    if (!IsBackupId(id)) continue;
    ASSIGN_OR_RETURN(all[id], ReadNotes(cluster, id));
  }
  return all;
}

Status DeleteNotes(const ClusterAccess& cluster, const std::string& backup_id) {
  ASSIGN_OR_RETURN(std::vector<storage::ObjectInfo> objects, ListNotes(cluster, backup_id));
  for (const storage::ObjectInfo& object : objects) {
    RETURN_IF_ERROR(cluster.storage.Delete(object.name).Context("removing a note on " + backup_id));
  }
  return {};
}

Status PutDeletion(const ClusterAccess& cluster, format::Deletion deletion) {
  const std::string name = cluster.names.Deletion(deletion.prune_id());
  deletion.set_host(HostName());
  deletion.set_at_us(Timestamp::Now().unix_us);
  ASSIGN_OR_RETURN(StoredDeletions stored, ReadStoredDeletions(cluster));
  const std::vector<std::string> merged = MergeEarlier(stored.records, deletion);
  RETURN_IF_ERROR(PutSealed(cluster, name, deletion)
                      .Context("recording what " + deletion.prune_id() + " deletes"));
  for (const std::string& earlier : merged) {
    RETURN_IF_ERROR(cluster.storage.Delete(earlier).Context("removing the record " + earlier));
  }
  return {};
}

Result<Deletions> ReadDeletions(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(StoredDeletions stored, ReadStoredDeletions(cluster));
  Deletions deletions;
  deletions.unreadable = std::move(stored.unreadable);
  for (const auto& [name, record] : stored.records) {
    for (format::Deletion& part : PartsOf(record)) deletions.records.push_back(std::move(part));
  }
  return deletions;
}

}  // namespace pgcairn::repository
