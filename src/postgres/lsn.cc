#include "postgres/lsn.h"

#include <fmt/format.h>

#include <charconv>

namespace pgcairn::postgres {
namespace {

std::optional<uint64_t> ParseHex(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// PostgreSQL writes these names in upper case only; another case would be another file.
bool IsUpperHex(std::string_view text, size_t length) {
  if (text.size() != length) return false;
  for (char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) return false;
  }
  return true;
}

}  // namespace

std::string Lsn::ToText() const {
  return fmt::format("{:X}/{:X}", static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value));
}

std::optional<Lsn> ParseLsn(std::string_view text) {
  size_t slash = text.find('/');
  // Without a slash its place is npos, which is more than eight too.
  if (slash > 8 || text.size() - slash - 1 > 8) return std::nullopt;
  auto high = ParseHex(text.substr(0, slash));
  auto low = ParseHex(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{*high << 32 | *low};
}

std::string WalSegmentName(WalSegment segment, uint64_t size_bytes) {
  uint64_t per_log = 0x100000000ULL / size_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", segment.timeline.value, segment.number / per_log,
                     segment.number % per_log);
}

std::optional<WalSegment> ParseWalSegmentName(std::string_view name, uint64_t size_bytes) {
  if (!IsUpperHex(name, 24)) return std::nullopt;
  uint64_t per_log = 0x100000000ULL / size_bytes;
  uint64_t log = *ParseHex(name.substr(8, 8));
  uint64_t place = *ParseHex(name.substr(16, 8));
  if (place >= per_log) return std::nullopt;
  auto timeline = static_cast<uint32_t>(*ParseHex(name.substr(0, 8)));
  return WalSegment{TimelineId{timeline}, log * per_log + place};
}

WalSegment SegmentHolding(TimelineId timeline, Lsn lsn, uint64_t size_bytes) {
  return {timeline, lsn.value / size_bytes};
}

WalSegment SegmentBefore(TimelineId timeline, Lsn lsn, uint64_t size_bytes) {
  return {timeline, lsn.value == 0 ? 0 : (lsn.value - 1) / size_bytes};
}

Lsn SegmentStart(WalSegment segment, uint64_t size_bytes) { return {segment.number * size_bytes}; }

WalFileKind KindOfWalFile(std::string_view name) {
  if (IsUpperHex(name, 24)) return WalFileKind::kSegment;
  if (name.ends_with(".partial") && IsUpperHex(name.substr(0, name.size() - 8), 24)) {
    return WalFileKind::kPartialSegment;
  }
  if (name.ends_with(".history") && IsUpperHex(name.substr(0, name.size() - 8), 8)) {
    return WalFileKind::kHistory;
  }
  if (name.size() == 40 && name.ends_with(".backup") && IsUpperHex(name.substr(0, 24), 24) &&
      name[24] == '.' && IsUpperHex(name.substr(25, 8), 8)) {
    return WalFileKind::kBackupHistory;
  }
  return WalFileKind::kOther;
}

std::string HistoryFileName(TimelineId timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

}  // namespace pgcairn::postgres
