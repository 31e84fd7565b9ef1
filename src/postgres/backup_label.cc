#include "postgres/backup_label.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>

namespace pgcairn::postgres {
namespace {

Error DamagedLabel(std::string_view what) {
  return {Code::kDamaged, fmt::format("reading a backup_label: {}", what), ""};
}

Error Unsupported(std::string_view what) {
  return {Code::kUnsupported, fmt::format("reading a backup_label: {}", what), ""};
}

bool IsKnown(std::string_view key) {
  for (const char* known : {"START WAL LOCATION", "CHECKPOINT LOCATION", "BACKUP METHOD",
                            "BACKUP FROM", "START TIME", "LABEL", "START TIMELINE"}) {
    if (key == known) return true;
  }
  return false;
}

using Lines = std::map<std::string, std::string, std::less<>>;

Result<Lines> SplitLines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return DamagedLabel("its last line has no end");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos)
      return DamagedLabel(fmt::format("\"{}\" is no line", line));
    std::string_view key = line.substr(0, colon);
    if (!IsKnown(key)) return Unsupported(fmt::format("the line \"{}\" is not known", line));
    if (!lines.emplace(key, line.substr(colon + 2)).second) {
      return DamagedLabel(fmt::format("\"{}\" is there twice", key));
    }
  }
  return lines;
}

// "0/2000028 (file 000000010000000000000002)"
Status ParseStart(std::string_view value, BackupLabel* label) {
  constexpr std::string_view kMiddle = " (file ";
  size_t middle = value.find(kMiddle);
  if (middle == std::string_view::npos || !value.ends_with(')')) {
    return DamagedLabel(fmt::format("START WAL LOCATION is \"{}\"", value));
  }
  std::optional<Lsn> lsn = ParseLsn(value.substr(0, middle));
  std::string_view file = value.substr(middle + kMiddle.size());
  file.remove_suffix(1);
  if (!lsn || KindOfWalFile(file) != WalFileKind::kSegment) {
    return DamagedLabel(fmt::format("START WAL LOCATION is \"{}\"", value));
  }
  label->start_lsn = *lsn;
  label->start_wal_file = file;
  return {};
}

Status ParseTimeline(std::string_view value, BackupLabel* label) {
  uint32_t timeline = 0;
  auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), timeline);
  if (failed != std::errc() || end != value.data() + value.size() || timeline == 0) {
    return DamagedLabel(fmt::format("START TIMELINE is \"{}\"", value));
  }
  label->timeline = TimelineId{timeline};
  if (!label->start_wal_file.starts_with(fmt::format("{:08X}", timeline))) {
    return DamagedLabel(
        fmt::format("timeline {} does not fit the file {}", timeline, label->start_wal_file));
  }
  return {};
}

}  // namespace

Result<BackupLabel> ParseBackupLabel(std::string_view text) {
  ASSIGN_OR_RETURN(Lines lines, SplitLines(text));
  for (const char* key : {"START WAL LOCATION", "CHECKPOINT LOCATION", "BACKUP METHOD",
                          "BACKUP FROM", "START TIME", "LABEL", "START TIMELINE"}) {
    if (!lines.contains(key)) return DamagedLabel(fmt::format("it has no line \"{}\"", key));
  }
  BackupLabel label;
  RETURN_IF_ERROR(ParseStart(lines["START WAL LOCATION"], &label));
  RETURN_IF_ERROR(ParseTimeline(lines["START TIMELINE"], &label));
  std::optional<Lsn> checkpoint = ParseLsn(lines["CHECKPOINT LOCATION"]);
  if (!checkpoint) {
    return DamagedLabel(fmt::format("CHECKPOINT LOCATION is \"{}\"", lines["CHECKPOINT LOCATION"]));
  }
  label.checkpoint_lsn = *checkpoint;
  if (lines["BACKUP METHOD"] != "streamed") {
    return Unsupported(fmt::format("BACKUP METHOD is \"{}\"", lines["BACKUP METHOD"]));
  }
  // 13 says "master" for "primary".
  const std::string& from = lines["BACKUP FROM"];
  if (from != "primary" && from != "master" && from != "standby") {
    return DamagedLabel(fmt::format("BACKUP FROM is \"{}\"", from));
  }
  label.from_standby = from == "standby";
  label.start_time = lines["START TIME"];
  label.label = lines["LABEL"];
  return label;
}

Status CheckAgreement(const BackupStart& start, const BackupLabel& label, Lsn stop_lsn) {
  auto disagree = [](std::string_view what, std::string_view started, std::string_view ended) {
    return Error{
        Code::kDamaged,
        fmt::format("the server's {} is {} at the end of the backup and was {} at its start", what,
                    ended, started),
        "take the backup again"};
  };
  if (label.start_lsn != start.lsn) {
    return disagree("start position", start.lsn.ToText(), label.start_lsn.ToText());
  }
  if (label.timeline != start.timeline) {
    return disagree("timeline", std::to_string(start.timeline.value),
                    std::to_string(label.timeline.value));
  }
  std::string file = WalSegmentName(
      SegmentHolding(start.timeline, start.lsn, start.wal_segment_size), start.wal_segment_size);
  if (label.start_wal_file != file) return disagree("first WAL file", file, label.start_wal_file);
  if (label.label != start.label) return disagree("label", start.label, label.label);
  if (label.from_standby) return disagree("role", "primary", "standby");
  if (label.checkpoint_lsn < start.lsn || stop_lsn <= label.checkpoint_lsn) {
    return Error{Code::kDamaged,
                 fmt::format("start {}, checkpoint {} and stop {} are not in this order",
                             start.lsn.ToText(), label.checkpoint_lsn.ToText(), stop_lsn.ToText()),
                 "take the backup again"};
  }
  return {};
}

}  // namespace pgcairn::postgres
