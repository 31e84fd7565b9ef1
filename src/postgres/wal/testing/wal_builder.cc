#include "postgres/wal/testing/wal_builder.h"

#include <algorithm>

#include "postgres/crc32c.h"
#include "postgres/wal/wal_reader.h"

namespace pgcairn::postgres::testing {

Bytes MainDataOnly(ByteView data) {
  Bytes rest;
  if (data.size() < 256) {
    rest = {255, static_cast<uint8_t>(data.size())};
  } else {
    rest = {254};
    AppendLe(rest, static_cast<uint32_t>(data.size()));
  }
  Append(rest, data);
  return rest;
}

Bytes TimeOnly(int64_t since_2000_us) {
  Bytes data;
  AppendLe(data, since_2000_us);
  return MainDataOnly(data);
}

WalBuilder::WalBuilder(Options options)
    : options_(options),
      base_(options.segment_number * options.segment_size),
      previous_(options.previous) {}

Lsn WalBuilder::Add(uint8_t resource_manager, uint8_t info, uint32_t xid, ByteView rest) {
  if (log_.size() % kWalPageBytes == 0) BeginPage(0, std::exchange(overwrites_next_, false));
  Lsn start = Position();
  Bytes record;
  AppendLe(record, static_cast<uint32_t>(kWalRecordHeaderBytes + rest.size()));
  AppendLe(record, xid);
  AppendLe(record, previous_);
  Append(record, Bytes{info, resource_manager, 0, 0});
  AppendLe(record, Crc32c(record, Crc32c(rest)));
  Append(record, rest);
  AppendOverPages(record);
  log_.resize(WalAligned(log_.size()));
  previous_ = start.value;
  return start;
}

Lsn WalBuilder::AddCommit(uint32_t xid, int64_t since_2000_us) {
  return Add(1, 0x00, xid, TimeOnly(since_2000_us));
}

Lsn WalBuilder::AddAbort(uint32_t xid, int64_t since_2000_us) {
  return Add(1, 0x20, xid, TimeOnly(since_2000_us));
}

Lsn WalBuilder::AddPoint(std::string_view name, int64_t since_2000_us) {
  Bytes data;
  AppendLe(data, since_2000_us);
  Append(data, AsBytes(name));
  data.resize(8 + 64);
  return Add(0, 0x70, 0, MainDataOnly(data));
}

Lsn WalBuilder::AddTablespace(uint32_t oid, std::string_view location) {
  Bytes data;
  AppendLe(data, oid);
  Append(data, AsBytes(location));
  data.push_back(0);
  return Add(5, 0x00, 700, MainDataOnly(data));
}

Lsn WalBuilder::AddOther(uint32_t total_bytes) {
  Bytes data(total_bytes - kWalRecordHeaderBytes, 0xAB);
  data[0] = data.size() - 2 < 256 ? 255 : 254;
  if (data[0] == 255) {
    data[1] = static_cast<uint8_t>(data.size() - 2);
  } else {
    StoreLe(data.data() + 1, static_cast<uint32_t>(data.size() - 5));
  }
  return Add(10, 0x00, 7, data);
}

void WalBuilder::FillSegmentUpTo(uint32_t bytes) {
  while (true) {
    uint64_t left = options_.segment_size - log_.size() % options_.segment_size;
    uint64_t in_page = kWalPageBytes - log_.size() % kWalPageBytes;
    if (left > size_t{2} * kWalPageBytes || (left != in_page && in_page < 32)) {
      AddOther(1000);
    } else if (left != in_page) {
      AddOther(static_cast<uint32_t>(in_page));
    } else {
      if (log_.size() % kWalPageBytes == 0) AddOther(64);
      left = options_.segment_size - log_.size() % options_.segment_size;
      AddOther(static_cast<uint32_t>(left - bytes));
      return;
    }
  }
}

void WalBuilder::Switch() {
  Add(0, 0x40, 0, {});
  uint64_t size = options_.segment_size;
  while (log_.size() % size != 0) {
    if (log_.size() % kWalPageBytes == 0) BeginPage(0, false);
    log_.resize((log_.size() / kWalPageBytes + 1) * kWalPageBytes);
  }
}

void WalBuilder::CrashAfterPageOf(Lsn position, Lsn last_whole_record) {
  log_.resize(((position.value - base_) / kWalPageBytes + 1) * kWalPageBytes);
  previous_ = last_whole_record.value;
  overwrites_next_ = true;
}

Bytes WalBuilder::Segment(size_t index) const {
  size_t size = options_.segment_size;
  size_t from = std::min(index * size, log_.size());
  Bytes segment(log_.begin() + static_cast<std::ptrdiff_t>(from),
                log_.begin() + static_cast<std::ptrdiff_t>(std::min(from + size, log_.size())));
  segment.resize(size);
  return segment;
}

void WalBuilder::BeginPage(uint32_t remaining, bool overwrites) {
  bool is_long = log_.size() % options_.segment_size == 0;
  AppendLe(log_, options_.magic);
  AppendLe(log_, static_cast<uint16_t>((remaining != 0 ? 1 : 0) | (is_long ? 2 : 0) |
                                       (overwrites ? 8 : 0)));
  AppendLe(log_, options_.timeline.value);
  AppendLe(log_, base_ + log_.size() - 8);
  AppendLe(log_, remaining);
  AppendLe(log_, uint32_t{0});
  if (!is_long) return;
  AppendLe(log_, options_.system.value);
  AppendLe(log_, options_.segment_size);
  AppendLe(log_, kWalPageBytes);
}

void WalBuilder::AppendOverPages(ByteView record) {
  while (!record.empty()) {
    if (log_.size() % kWalPageBytes == 0) BeginPage(static_cast<uint32_t>(record.size()), false);
    size_t take = std::min<size_t>(record.size(), kWalPageBytes - log_.size() % kWalPageBytes);
    Append(log_, record.first(take));
    record = record.subspan(take);
  }
}

}  // namespace pgcairn::postgres::testing
