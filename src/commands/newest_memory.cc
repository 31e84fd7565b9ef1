#include "commands/newest_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "commands/pruned.h"
#include "postgres/lsn.h"
#include "repository/manifest/manifest_store.h"
#include "repository/names.h"
#include "util/bytes.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

constexpr std::string_view kBackupsHead =
    "# The newest backup that this host saw stored: `pgcairn check` looks for it.\n";
constexpr std::string_view kSegmentHead =
    "# The newest WAL segment that this host archived: `pgcairn check` looks for it.\n";
constexpr uint64_t kFileBytesMax = uint64_t{64} * 1024;
// Losses that nobody has looked at; more of them say nothing new.
constexpr size_t kGoneMax = 20;

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// The words of every line that is no comment.
std::vector<std::vector<std::string_view>> Records(std::string_view text) {
  std::vector<std::vector<std::string_view>> records;
  for (std::string_view line : Split(text, '\n')) {
    if (!line.starts_with('#')) records.push_back(Split(line, ' '));
  }
  return records;
}

Error Unreadable(const std::string& path) {
  return {Code::kDamaged, fmt::format("{} is not what this program writes", path),
          fmt::format("delete {}: it is only a memory, and written again", path)};
}

std::optional<RememberedBackup> ToBackup(const std::vector<std::string_view>& words) {
  if (words.size() != 3 || !repository::IsBackupId(words[0])) return std::nullopt;
  std::optional<Bytes> sha256 = FromHex(words[1]);
  Result<Timestamp> at = ParseTimestamp(words[2]);
  RememberedBackup backup;
  if (!sha256 || sha256->size() != backup.manifest_sha256.bytes.size() || !at.ok()) {
    return std::nullopt;
  }
  backup.backup_id = words[0];
  std::copy(sha256->begin(), sha256->end(), backup.manifest_sha256.bytes.begin());
  backup.noted_at = *at;
  return backup;
}

std::optional<RememberedSegment> ToSegment(const std::vector<std::string_view>& words) {
  if (words.size() != 3 || postgres::KindOfWalFile(words[1]) != postgres::WalFileKind::kSegment) {
    return std::nullopt;
  }
  std::optional<Bytes> system = FromHex(words[0]);
  Result<Timestamp> at = ParseTimestamp(words[2]);
  if (!system || system->size() != sizeof(uint64_t) || !at.ok()) return std::nullopt;
  RememberedSegment segment;
  for (uint8_t byte : *system) segment.system_identifier = segment.system_identifier << 8 | byte;
  segment.name = words[1];
  segment.noted_at = *at;
  return segment;
}

Result<RememberedSegment> ParseSegment(std::string_view text, const std::string& path) {
  std::vector<std::vector<std::string_view>> records = Records(text);
  // A crash of the host may leave a file without content.
  if (records.empty()) return Error{Code::kNotFound, path + " is empty", ""};
  std::optional<RememberedSegment> segment = ToSegment(records.front());
  if (records.size() != 1 || !segment) return Unreadable(path);
  return *segment;
}

std::string ToText(const RememberedBackup& backup) {
  return fmt::format("{} {} {}\n", backup.backup_id, backup.manifest_sha256.ToHex(),
                     backup.noted_at.ToIso());
}

// What is remembered and not there any more; says so in the log.
std::vector<RememberedBackup> Gone(const repository::ClusterAccess& cluster,
                                   std::vector<RememberedBackup> remembered) {
  std::vector<RememberedBackup> gone;
  for (RememberedBackup& backup : remembered) {
    Status found = LookForBackup(cluster, backup);
    if (found.ok()) continue;
    if (found.code() == Code::kNotFound && PrunedBackup(cluster, backup.backup_id)) continue;
    std::string problem = found.code() == Code::kNotFound
                              ? "is not in the repository any more"
                              : "cannot be looked for: " + found.error().message;
    LogWarning(
        "the backup {}, which this host saw stored on {}, {}; `pgcairn check` says what to do",
        backup.backup_id, backup.noted_at.ToText(), problem);
    gone.push_back(std::move(backup));
  }
  if (gone.size() > kGoneMax) gone.erase(gone.begin(), gone.end() - kGoneMax);
  return gone;
}

// Without a folder that was asked for there is no log either, of which nothing is said.
void Complain(const config::Settings& settings, const std::string& done, const Error& error) {
  bool no_folder = error.code == Code::kNotFound || error.code == Code::kPermission;
  if (no_folder && !settings.IsSet("storage.log_path")) {
    LogDebug("{}, but not noted: {}", done, error.message);
  } else {
    LogWarning("{}, but not noted: {}", done, error.message);
  }
}

}  // namespace

Status LookForBackup(const repository::ClusterAccess& cluster, const RememberedBackup& backup) {
  ASSIGN_OR_RETURN(repository::StoredManifest stored,
                   repository::ReadManifest(cluster, backup.backup_id));
  if (stored.sha256 == backup.manifest_sha256) return {};
  return Error{
      Code::kRefused,
      fmt::format("the manifest of {} is another one than this host saw stored", backup.backup_id),
      ""};
}

NewestMemory::NewestMemory(const std::string& folder, const repository::RepositoryId& repository,
                           const std::string& cluster)
    : folder_(folder),
      cluster_(cluster),
      backups_file_(fmt::format("{}/newest-{}-{}.backups", folder, cluster, repository.ToHex())),
      segment_file_(fmt::format("{}/newest-{}-{}.segment", folder, cluster, repository.ToHex())) {}

NewestMemory NewestMemory::Of(const config::Settings& settings,
                              const repository::ClusterAccess& cluster) {
  return {settings.storage.log_path, cluster.place.repository, settings.cluster.name};
}

Result<std::vector<RememberedBackup>> NewestMemory::Backups() const {
  ASSIGN_OR_RETURN(Bytes text, ReadFile(backups_file_, kFileBytesMax));
  std::vector<RememberedBackup> backups;
  for (const std::vector<std::string_view>& words : Records(AsText(text))) {
    std::optional<RememberedBackup> backup = ToBackup(words);
    if (!backup) return Unreadable(backups_file_);
    backups.push_back(std::move(*backup));
  }
  if (backups.empty()) return Unreadable(backups_file_);
  return backups;
}

std::vector<std::string> NewestMemory::BackupsFilesOfOthers() const {
  std::vector<std::string> files;
  std::error_code error;
  const std::string head = fmt::format("newest-{}-", cluster_);
  const std::string tail = ".backups";
  std::filesystem::directory_iterator entry(folder_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with(head) || !name.ends_with(tail) || entry->path() == backups_file_) {
      continue;
    }
    // A cluster's name may go on with what another one's ends with.
    size_t digits = name.size() - std::min(name.size(), head.size() + tail.size());
    std::optional<Bytes> id = FromHex(std::string_view(name).substr(head.size(), digits));
    if (id && id->size() == repository::RepositoryId::kBytes) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<RememberedSegment> NewestMemory::Segment() const {
  ASSIGN_OR_RETURN(Bytes text, ReadFile(segment_file_, kFileBytesMax));
  return ParseSegment(AsText(text), segment_file_);
}

Status NewestMemory::NoteBackup(const repository::ClusterAccess& cluster,
                                const std::string& backup_id) const {
  ASSIGN_OR_RETURN(repository::StoredManifest stored, repository::ReadManifest(cluster, backup_id));
  Result<std::vector<RememberedBackup>> before = Backups();
  if (!before.ok() && before.code() != Code::kNotFound) LogWarning("{}", before.error().message);
  std::string text(kBackupsHead);
  if (before.ok()) {
    for (const RememberedBackup& gone : Gone(cluster, std::move(*before))) text += ToText(gone);
  }
  text += ToText({backup_id, stored.sha256, Timestamp::Now()});
  return WriteFileDurably(backups_file_, AsBytes(text));
}

Status NewestMemory::NoteSegment(uint64_t system_identifier, std::string_view name) const {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(segment_file_, O_RDWR | O_CREAT | O_NOFOLLOW));
  // All notes have one length, so that writing over the old one leaves nothing of it.
  std::string text = fmt::format("{}{:016x} {} {}\n", kSegmentHead, system_identifier, name,
                                 Timestamp::Now().ToIso());
  Bytes there(text.size());
  ASSIGN_OR_RETURN(size_t size, ReadAt(fd.get(), there, 0, segment_file_));
  Result<RememberedSegment> before =
      ParseSegment(AsText(ByteView(there).first(size)), segment_file_);
  if (before.ok() && before->system_identifier == system_identifier && before->name >= name) {
    return {};
  }
  // What is none of ours may be longer.
  bool foreign = !before.ok() && before.code() == Code::kDamaged;
  if (foreign && ::ftruncate(fd.get(), 0) != 0) {
    return ErrnoError(errno, "emptying", segment_file_);
  }
  return WriteAt(fd.get(), AsBytes(text), 0, segment_file_);
}

void RememberBackup(const config::Settings& settings, const repository::ClusterAccess& cluster,
                    const std::string& backup_id) {
  Status noted = NewestMemory::Of(settings, cluster).NoteBackup(cluster, backup_id);
  if (!noted.ok()) Complain(settings, backup_id + " is stored", noted.error());
}

void RememberSegment(const config::Settings& settings, const repository::ClusterAccess& cluster,
                     uint64_t system_identifier, std::string_view name) {
  if (postgres::KindOfWalFile(name) != postgres::WalFileKind::kSegment) return;
  Status noted = NewestMemory::Of(settings, cluster).NoteSegment(system_identifier, name);
  if (!noted.ok()) Complain(settings, fmt::format("{} is archived", name), noted.error());
}

}  // namespace pgcairn::commands
