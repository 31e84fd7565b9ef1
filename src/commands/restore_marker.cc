#include "commands/restore_marker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "postgres/backup_exclusions.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kMarkerBytesMax = 4096;
constexpr std::string_view kFirstLine = "pgcairn restore 1\n";
constexpr std::string_view kSystem = "system_identifier ";
constexpr std::string_view kBackup = "backup_id ";

std::string PathIn(const std::string& data_directory) {
  return fmt::format("{}/{}", data_directory, postgres::kRestoreMarkerName);
}

// What follows `key` up to the end of the line.
std::optional<std::string_view> TakeLine(std::string_view& text, std::string_view key) {
  size_t end = text.find('\n');
  if (!text.starts_with(key) || end == std::string_view::npos) return std::nullopt;
  std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

std::optional<RestoreMarker> Parse(std::string_view text) {
  if (!text.starts_with(kFirstLine)) return std::nullopt;
  text.remove_prefix(kFirstLine.size());
  auto system = TakeLine(text, kSystem);
  auto backup = TakeLine(text, kBackup);
  if (!system || !backup) return std::nullopt;
  RestoreMarker marker;
  const char* end = system->data() + system->size();
  auto [stopped, error] = std::from_chars(system->data(), end, marker.system_identifier);
  if (error != std::errc() || stopped != end || system->empty()) return std::nullopt;
  marker.backup_id = *backup;
  return marker;
}

}  // namespace

Result<std::optional<RestoreMarker>> ReadRestoreMarker(const std::string& data_directory) {
  const std::string path = PathIn(data_directory);
  Result<Bytes> content = ReadFile(path, kMarkerBytesMax);
  if (!content.ok() && content.code() == Code::kNotFound) return std::optional<RestoreMarker>();
  if (!content.ok()) return content.error();
  std::optional<RestoreMarker> marker = Parse(AsText(*content));
  if (marker) return marker;
  return Error{Code::kDamaged, fmt::format("{} does not say which restore it is of", path),
               "empty the directory and its tablespaces, and restore again"};
}

bool HasRestoreMarker(const std::string& data_directory) { return Exists(PathIn(data_directory)); }

Status WriteRestoreMarker(const std::string& data_directory, const RestoreMarker& marker) {
  std::string text = fmt::format(
      "{}{}{}\n{}{}\n\nA restore into this directory has not ended, and no server starts here.\n"
      "`pgcairn restore --delta` finishes it.\n",
      kFirstLine, kSystem, marker.system_identifier, kBackup, marker.backup_id);
  return WriteFileDurably(PathIn(data_directory), AsBytes(text));
}

Status RemoveRestoreMarker(const std::string& data_directory) {
  const std::string path = PathIn(data_directory);
  if (::unlink(path.c_str()) != 0) return ErrnoError(errno, "removing", path);
  return FsyncDirectory(data_directory);
}

Result<UniqueFd> LockForRestore(const std::string& data_directory) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(data_directory, O_RDONLY | O_DIRECTORY));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "locking", data_directory);
  return Error{Code::kRefused, fmt::format("another restore works in {}", data_directory),
               "wait for its end, or stop it"};
}

}  // namespace pgcairn::commands
