#include "commands/unit_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "repository/map/map_leaf.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::StreamEntry;

constexpr std::array<uint8_t, kUnitBytes> kZeroUnitBytes{};

}  // namespace

size_t UnitLength(const StreamEntry& entry, uint64_t unit) {
  return std::min<uint64_t>(kUnitBytes, entry.size - unit * kUnitBytes);
}

Error WrongUnit(const StreamEntry& entry, uint64_t unit) {
  return {Code::kDamaged, fmt::format("unit {} of {} is not what was backed up", unit, entry.path),
          ""};
}

UnitProof::UnitProof(ByteView fingerprint_secret)
    : fingerprint_(fingerprint_secret), zero_page_(fingerprint_.Of(ByteView(kZeroUnitBytes))) {}

bool UnitProof::IsOfZeros(const StreamEntry& entry, uint64_t unit, uint64_t fingerprint) const {
  const size_t length = UnitLength(entry, unit);
  return fingerprint == (length == kUnitBytes
                             ? zero_page_
                             : fingerprint_.Of(ByteView(kZeroUnitBytes).first(length)));
}

bool UnitProof::IsIn(ByteView raw, size_t place, const StreamEntry& entry, uint64_t unit,
                     uint64_t fingerprint) const {
  const size_t length = UnitLength(entry, unit);
  return place + length <= raw.size() && fingerprint_.Of(raw.subspan(place, length)) == fingerprint;
}

}  // namespace pgcairn::commands
