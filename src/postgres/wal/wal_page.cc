#include "postgres/wal/wal_page.h"

#include <fmt/format.h>

#include <bit>

namespace pgcairn::postgres {
namespace {

constexpr uint16_t kFirstIsContinued = 0x0001;
constexpr uint16_t kLongHeader = 0x0002;
constexpr uint16_t kFirstOverwrites = 0x0008;
constexpr uint16_t kKnownFlags = 0x000F;
constexpr uint32_t kShortHeaderBytes = 24;

struct Magic {
  uint16_t value;
  int major_version;
};
// XLOG_PAGE_MAGIC of each released major version.
constexpr Magic kMagics[] = {{0xD106, 13}, {0xD10D, 14}, {0xD110, 15},
                             {0xD113, 16}, {0xD116, 17}, {0xD118, 18}};

int MajorVersionOf(uint16_t magic) {
  for (const Magic& known : kMagics) {
    if (known.value == magic) return known.major_version;
  }
  return 0;
}

// Every version since 8.0 has had a magic number 0xD0.. or 0xD1.. and these flags.
bool MayBeOtherVersion(uint16_t magic, uint16_t flags) {
  return (magic >> 8 == 0xD0 || magic >> 8 == 0xD1) && (flags & kLongHeader) != 0 &&
         (flags & ~kKnownFlags) == 0;
}

Error DamagedStart(std::string_view reason) {
  return {Code::kDamaged, fmt::format("not the start of a WAL segment: {}", reason),
          "the file is damaged or is no WAL segment; look at the place where it came from"};
}

Error UnknownVersion(uint16_t magic) {
  return {Code::kUnsupported, fmt::format("WAL page magic number {:04X} is not known", magic),
          "pgcairn reads the WAL of PostgreSQL 13 to 18"};
}

}  // namespace

Result<WalSegmentHeader> ReadWalSegmentHeader(ByteView segment) {
  ByteReader reader(segment);
  WalSegmentHeader header;
  header.magic = reader.Le<uint16_t>();
  auto flags = reader.Le<uint16_t>();
  header.timeline.value = reader.Le<uint32_t>();
  header.start.value = reader.Le<uint64_t>();
  reader.View(8);  // the continued record's rest and padding
  header.system_identifier.value = reader.Le<uint64_t>();
  header.segment_size = reader.Le<uint32_t>();
  header.block_size = reader.Le<uint32_t>();
  if (!reader.ok()) return DamagedStart(fmt::format("only {} bytes", segment.size()));

  header.major_version = MajorVersionOf(header.magic);
  if (header.major_version == 0) {
    if (MayBeOtherVersion(header.magic, flags)) return UnknownVersion(header.magic);
    return DamagedStart(fmt::format("it begins with {:04X}", header.magic));
  }
  if ((flags & kLongHeader) == 0 || (flags & ~kKnownFlags) != 0) {
    return DamagedStart(fmt::format("page flags {:04X}", flags));
  }
  if (!std::has_single_bit(header.segment_size) || header.segment_size < kWalSegmentBytesMin ||
      header.segment_size > kWalSegmentBytesMax) {
    return DamagedStart(fmt::format("a segment size of {} bytes", header.segment_size));
  }
  if (header.timeline.value == 0) return DamagedStart("timeline 0");
  if (header.start.value == 0 || header.start.value % header.segment_size != 0) {
    return DamagedStart(fmt::format("its address {} is not a segment's", header.start.ToText()));
  }
  // The last segment before the end of all addresses: its end would not be an address.
  if (header.start.value + header.segment_size == 0) return DamagedStart("its end is no address");
  if (header.block_size != kWalPageBytes) {
    return Error{Code::kUnsupported,
                 fmt::format("WAL with a block size of {} bytes", header.block_size),
                 "pgcairn reads WAL of servers built with the default block size, 8192"};
  }
  return header;
}

std::optional<WalPageHeader> ReadWalPageHeader(ByteView page, const WalSegmentHeader& segment,
                                               Lsn address) {
  CHECK(page.size() >= kWalPageBytes);
  const uint8_t* at = page.data();
  auto flags = LoadLe<uint16_t>(at + 2);
  if (LoadLe<uint16_t>(at) != segment.magic || (flags & ~kKnownFlags) != 0 ||
      LoadLe<uint64_t>(at + 8) != address.value) {
    return std::nullopt;
  }
  bool is_long = (flags & kLongHeader) != 0;
  if (!is_long && address.value % segment.segment_size == 0) return std::nullopt;
  if (is_long && (LoadLe<uint64_t>(at + 24) != segment.system_identifier.value ||
                  LoadLe<uint32_t>(at + 32) != segment.segment_size ||
                  LoadLe<uint32_t>(at + 36) != segment.block_size)) {
    return std::nullopt;
  }
  WalPageHeader header;
  header.timeline.value = LoadLe<uint32_t>(at + 4);
  header.bytes = is_long ? kWalSegmentHeaderBytes : kShortHeaderBytes;
  header.remaining = LoadLe<uint32_t>(at + 16);
  header.continues = (flags & kFirstIsContinued) != 0;
  header.overwrites = (flags & kFirstOverwrites) != 0;
  return header;
}

}  // namespace pgcairn::postgres
