#include "postgres/wal/wal_reader.h"

#include <algorithm>

#include "postgres/crc32c.h"

namespace pgcairn::postgres {
namespace {

// Offsets in a record's header; its checksum comes last and covers the body, then the rest of the
// header.
constexpr size_t kXidAt = 4;
constexpr size_t kPreviousAt = 8;
constexpr size_t kInfoAt = 16;
constexpr size_t kResourceManagerAt = 17;
constexpr size_t kChecksumAt = 20;

constexpr uint8_t kLogResourceManager = 0;
constexpr uint8_t kSwitchOperation = 0x40;

WalRecord ParseHeader(const uint8_t* at, uint64_t start) {
  return {.start = Lsn{start},
          .end = {},
          .total_bytes = LoadLe<uint32_t>(at),
          .xid = LoadLe<uint32_t>(at + kXidAt),
          .info = at[kInfoAt],
          .resource_manager = at[kResourceManagerAt]};
}

}  // namespace

bool IsSegmentSwitch(const WalRecord& record) {
  return record.resource_manager == kLogResourceManager && (record.info & 0xF0) == kSwitchOperation;
}

WalReader::WalReader(const WalSegmentHeader& header, ByteView segment, ByteView following)
    : header_(header),
      segment_(segment),
      following_(following.first(following.size() / kWalPageBytes * kWalPageBytes)),
      segment_end_(header.End().value),
      limit_(segment_end_ + following_.size()),
      position_(header.start.value) {
  CHECK(segment.size() == header.segment_size);
}

bool WalReader::Next() {
  if (!started_) {
    started_ = true;
    if (!SkipContinuedRecord()) return false;
  }
  while (!end_) {
    switch (ReadRecord()) {
      case Step::kRecord:
        return true;
      case Step::kAgain:
      case Step::kStop:
        break;
    }
  }
  return false;
}

ByteView WalReader::Body() {
  if (parts_.size() == 1) return parts_.front();
  assembled_.clear();
  assembled_.reserve(record_.total_bytes);
  for (ByteView part : parts_) Append(assembled_, part);
  return assembled_;
}

ByteView WalReader::PageAt(uint64_t address) const {
  uint64_t offset = address - header_.start.value;
  return offset < segment_.size() ? segment_.subspan(offset, kWalPageBytes)
                                  : following_.subspan(offset - segment_.size(), kWalPageBytes);
}

// The caller has made sure that the page lies before limit_.
bool WalReader::EnterPage(uint64_t address) {
  ByteView page = PageAt(address);
  auto page_header = ReadWalPageHeader(page, header_, Lsn{address});
  // A child's number is always greater than its parent's, so the log never goes back.
  if (!page_header || page_header->timeline.value < newest_timeline_) return false;
  newest_timeline_ = page_header->timeline.value;
  page_ = page;
  page_address_ = address;
  page_header_ = *page_header;
  return true;
}

// Moves past the rest of a record that began in an earlier segment.
bool WalReader::SkipContinuedRecord() {
  uint64_t expected = 0;
  while (position_ < segment_end_) {
    if (!EnterPage(position_)) break;
    if (page_header_.overwrites || (!page_header_.continues && expected == 0)) return true;
    uint32_t room = kWalPageBytes - page_header_.bytes;
    uint32_t remaining = page_header_.remaining;
    bool is_first = position_ == header_.start.value;
    if (!page_header_.continues || remaining == 0 || (!is_first && remaining != expected)) break;
    if (remaining <= room) {
      position_ += page_header_.bytes + WalAligned(remaining);
      return true;
    }
    position_ += kWalPageBytes;
    expected = remaining - room;
  }
  Stop(position_ < segment_end_ ? WalEnd::kLogEnds : WalEnd::kSegmentFull);
  return false;
}

WalReader::Step WalReader::ReadRecord() {
  if (position_ >= segment_end_) return Stop(WalEnd::kSegmentFull);
  if (position_ % kWalPageBytes == 0) {
    if (!EnterPage(position_) || page_header_.continues) return Stop(WalEnd::kLogEnds);
    position_ += page_header_.bytes;
  }
  size_t offset = position_ - page_address_;
  size_t room = kWalPageBytes - offset;
  auto total_bytes = LoadLe<uint32_t>(page_.data() + offset);
  if (total_bytes < kWalRecordHeaderBytes) return Stop(WalEnd::kLogEnds);
  parts_.assign(1, page_.subspan(offset, std::min<size_t>(room, total_bytes)));
  if (total_bytes <= room) return Accept(parts_.front(), position_ + WalAligned(total_bytes));

  Step step = Gather(total_bytes);
  if (step != Step::kRecord) return step;
  uint8_t header_bytes[kWalRecordHeaderBytes];
  CopyHeader(header_bytes, sizeof header_bytes);
  return Accept(header_bytes,
                page_address_ + page_header_.bytes + WalAligned(page_header_.remaining));
}

// Collects the parts of a record that goes on past its first page.
WalReader::Step WalReader::Gather(uint32_t total_bytes) {
  uint64_t got = parts_.front().size();
  while (got < total_bytes) {
    uint64_t next = page_address_ + kWalPageBytes;
    if (next >= limit_) return StopAtCutOff(total_bytes, got);
    if (!EnterPage(next)) return Stop(WalEnd::kLogEnds);
    if (page_header_.overwrites) {
      position_ = next;
      return Step::kAgain;
    }
    if (!page_header_.continues || page_header_.remaining != total_bytes - got) {
      return Stop(WalEnd::kLogEnds);
    }
    uint32_t take = std::min(kWalPageBytes - page_header_.bytes, page_header_.remaining);
    parts_.push_back(page_.subspan(page_header_.bytes, take));
    got += take;
  }
  return Step::kRecord;
}

// The checksum cannot be tried, so only the link tells a record from old bytes.
WalReader::Step WalReader::StopAtCutOff(uint32_t total_bytes, uint64_t bytes_known) {
  uint8_t header_bytes[kWalRecordHeaderBytes] = {};
  CopyHeader(header_bytes, std::min<uint64_t>(bytes_known, sizeof header_bytes));
  if (bytes_known >= kPreviousAt + 8 &&
      !LinkIsRight(LoadLe<uint64_t>(header_bytes + kPreviousAt))) {
    return Stop(WalEnd::kLogEnds);
  }
  if (bytes_known >= kWalRecordHeaderBytes) {
    cut_off_ = ParseHeader(header_bytes, position_);
    cut_off_->total_bytes = total_bytes;
  }
  return Stop(WalEnd::kCutOff);
}

WalReader::Step WalReader::Accept(ByteView header_bytes, uint64_t end) {
  const uint8_t* at = header_bytes.data();
  if (!LinkIsRight(LoadLe<uint64_t>(at + kPreviousAt))) return Stop(WalEnd::kLogEnds);
  uint32_t checksum = 0;
  size_t skip = kWalRecordHeaderBytes;
  for (ByteView part : parts_) {
    size_t skipped = std::min(skip, part.size());
    checksum = Crc32c(part.subspan(skipped), checksum);
    skip -= skipped;
  }
  checksum = Crc32c({at, kChecksumAt}, checksum);
  if (checksum != LoadLe<uint32_t>(at + kChecksumAt)) return Stop(WalEnd::kLogEnds);

  record_ = ParseHeader(at, position_);
  if (IsSegmentSwitch(record_)) {
    uint64_t size = header_.segment_size;
    end = (end + size - 1) / size * size;
    end_ = WalEnd::kSwitched;
  }
  record_.end = Lsn{end};
  previous_ = position_;
  position_ = end;
  return Step::kRecord;
}

WalReader::Step WalReader::Stop(WalEnd end) {
  end_ = end;
  return Step::kStop;
}

bool WalReader::LinkIsRight(uint64_t previous) const {
  return previous_ ? previous == *previous_ : previous < header_.start.value;
}

void WalReader::CopyHeader(uint8_t* out, size_t size) const {
  for (ByteView part : parts_) {
    size_t take = std::min(size, part.size());
    std::copy_n(part.data(), take, out);
    out += take;
    size -= take;
  }
}

}  // namespace pgcairn::postgres
