#include "repository/manifest/reference_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pgcairn::repository {
namespace {

constexpr size_t kHexDigits = 64;

Error DamagedReferenceList(std::string_view backup_id) {
  return {Code::kDamaged, fmt::format("the reference list of {} is damaged", backup_id), ""};
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<StoredPack> ParseLine(std::string_view line) {
  if (line.size() < kHexDigits + 2 || line[kHexDigits] != ' ') return std::nullopt;
  std::optional<Bytes> hash = FromHex(line.substr(0, kHexDigits));
  std::optional<uint64_t> length = Number(line.substr(kHexDigits + 1));
  if (!hash || !length) return std::nullopt;
  StoredPack pack;
  std::copy(hash->begin(), hash->end(), pack.sha256.bytes.begin());
  pack.length = *length;
  return pack;
}

}  // namespace

void SortAndDropRepeated(std::vector<StoredPack>& packs) {
  std::sort(packs.begin(), packs.end(),
            [](const StoredPack& a, const StoredPack& b) { return a.sha256 < b.sha256; });
  packs.erase(
      std::unique(packs.begin(), packs.end(),
                  [](const StoredPack& a, const StoredPack& b) { return a.sha256 == b.sha256; }),
      packs.end());
}

Bytes EncodeReferenceList(std::string_view backup_id, std::vector<StoredPack> packs) {
  SortAndDropRepeated(packs);
  std::string text = fmt::format("pgcairn-refs 1 {}\n", backup_id);
  for (const StoredPack& pack : packs) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", pack.sha256.ToHex(), pack.length);
  }
  fmt::format_to(std::back_inserter(text), "end {}\n", packs.size());
  return ToBytes(AsBytes(text));
}

Result<std::vector<StoredPack>> DecodeReferenceList(std::string_view backup_id, ByteView list) {
  std::string_view text = AsText(list);
  std::vector<StoredPack> packs;
  bool headed = false;
  while (!text.empty()) {
    size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return DamagedReferenceList(backup_id);
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline + 1);
    if (!headed) {
      if (line != fmt::format("pgcairn-refs 1 {}", backup_id))
        return DamagedReferenceList(backup_id);
      headed = true;
      continue;
    }
    if (line.starts_with("end ")) {
      if (Number(line.substr(4)) != packs.size() || !text.empty())
        return DamagedReferenceList(backup_id);
      return packs;
    }
    std::optional<StoredPack> pack = ParseLine(line);
    if (!pack || (!packs.empty() && !(packs.back().sha256 < pack->sha256))) {
      return DamagedReferenceList(backup_id);
    }
    packs.push_back(*pack);
  }
  return DamagedReferenceList(backup_id);
}

}  // namespace pgcairn::repository
