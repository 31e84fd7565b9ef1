#include "repository/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/random.h"

namespace pgcairn::repository {
namespace {

bool AllOf(std::string_view text, bool (*wanted)(char)) {
  return std::all_of(text.begin(), text.end(), wanted);
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
         c == '-';
}

constexpr size_t kStampLength = 15;  // YYYYMMDD_HHMMSS

bool IsStamp(std::string_view text) {
  return text.size() == kStampLength && AllOf(text.substr(0, 8), IsDigit) && text[8] == '_' &&
         AllOf(text.substr(9), IsDigit);
}

}  // namespace

bool IsValidClusterName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && AllOf(name, IsNameCharacter) && name[0] != '.' &&
         name[0] != '-';
}

Result<std::string> NewBackupId(Timestamp started) {
  std::array<uint8_t, 2> random{};
  RETURN_IF_ERROR(crypto::FillRandom(random));
  std::string iso = started.ToIso();  // 2024-01-31T02:03:04.000000Z
  return fmt::format("{}{}{}_{}{}{}-{}", iso.substr(0, 4), iso.substr(5, 2), iso.substr(8, 2),
                     iso.substr(11, 2), iso.substr(14, 2), iso.substr(17, 2), ToHex(random));
}

Timestamp SortingAfter(Timestamp started, std::string_view newest) {
  if (!IsBackupId(newest)) return started;
  Result<Timestamp> stamp = ParseTimestamp(fmt::format(
      "{}-{}-{} {}:{}:{}", newest.substr(0, 4), newest.substr(4, 2), newest.substr(6, 2),
      newest.substr(9, 2), newest.substr(11, 2), newest.substr(13, 2)));
  if (!stamp.ok()) return started;
  return std::max(started, Timestamp{stamp->unix_us + 1'000'000});
}

bool IsBackupId(std::string_view text) {
  return text.size() == kStampLength + 5 && IsStamp(text.substr(0, kStampLength)) &&
         text[kStampLength] == '-' && AllOf(text.substr(kStampLength + 1), IsLowerHex);
}

std::optional<std::string> BackupIdPrefix(std::string_view text) {
  if (IsBackupId(text)) return std::string(text.substr(0, kStampLength));
  if (text.starts_with("backup_")) text.remove_prefix(7);
  size_t dot = text.find('.');
  if (dot != std::string_view::npos) text = text.substr(0, dot);
  if (!IsStamp(text)) return std::nullopt;
  return std::string(text);
}

std::string ClusterNames::Key(uint32_t generation, const AccessKeyId& id) const {
  return fmt::format("{}/{:08x}-{}", Keys(), generation, id.ToHex());
}

std::string ClusterNames::RemovedKey(const AccessKeyId& id) const {
  return fmt::format("{}/{}", RemovedKeys(), id.ToHex());
}

std::string ClusterNames::Epoch(uint32_t number) const {
  return fmt::format("{}/{:08x}", Epochs(), number);
}

std::string ClusterNames::History(uint64_t system_identifier) const {
  return fmt::format("{}/{:016x}", Histories(), system_identifier);
}

std::string ClusterNames::Pack(const crypto::Sha256Digest& sha256) const {
  std::string hex = sha256.ToHex();
  return fmt::format("{}/packs/{}/{}", root_, hex.substr(0, 2), hex);
}

std::optional<crypto::Sha256Digest> ClusterNames::PackOf(std::string_view name) const {
  constexpr size_t kDigits = 64;
  if (name.size() < kDigits || !name.starts_with(root_)) return std::nullopt;
  std::optional<Bytes> hash = FromHex(name.substr(name.size() - kDigits));
  if (!hash) return std::nullopt;
  crypto::Sha256Digest sha256;
  std::copy(hash->begin(), hash->end(), sha256.bytes.begin());
  if (Pack(sha256) != name) return std::nullopt;
  return sha256;
}

std::string ClusterNames::Manifest(std::string_view backup_id) const {
  return fmt::format("{}/{}", Backups(), backup_id);
}

std::string ClusterNames::References(std::string_view backup_id) const {
  return fmt::format("{}/{}.refs", Backups(), backup_id);
}

std::string ClusterNames::Wal(uint64_t system_identifier) const {
  return fmt::format("{}/wal/{:016x}", root_, system_identifier);
}

std::string ClusterNames::WalFile(uint64_t system_identifier, std::string_view file) const {
  std::string_view directory = file.ends_with(".history") ? "history" : file.substr(0, 16);
  return fmt::format("{}/{}/{}", Wal(system_identifier), directory, file);
}

std::string ClusterNames::Checkpoint(std::string_view run_id, uint32_t number) const {
  return fmt::format("{}/{}/{:08x}", Checkpoints(), run_id, number);
}

std::string ClusterNames::Lease(std::string_view backup_id) const {
  return fmt::format("{}/{}", Leases(), backup_id);
}

std::string ClusterNames::Trash(std::string_view prune_id) const {
  return fmt::format("{}/{}", Trashes(), prune_id);
}

std::string ClusterNames::TrashPart(std::string_view prune_id, uint32_t part) const {
  return fmt::format("{}/{:08x}", Trash(prune_id), part);
}

std::string ClusterNames::DamagedPack(const crypto::Sha256Digest& sha256) const {
  return fmt::format("{}/{}", DamagedPacks(), sha256.ToHex());
}

std::string ClusterNames::NotesOn(std::string_view backup_id) const {
  return fmt::format("{}/{}", Notes(), backup_id);
}

std::string ClusterNames::Note(std::string_view backup_id, uint32_t number) const {
  return fmt::format("{}/{:08x}", NotesOn(backup_id), number);
}

std::string ClusterNames::Deletion(std::string_view prune_id) const {
  return fmt::format("{}/{}", Deletions(), prune_id);
}

}  // namespace pgcairn::repository
