// Segments that real servers of every supported version wrote (testdata/README.md): read as
// PostgreSQL's own tools read them, and then with random damage.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "postgres/crc32c.h"
#include "postgres/wal/wal_reader.h"
#include "postgres/wal/wal_summary.h"

namespace pgcairn::postgres {
namespace {

constexpr int kVersions[] = {13, 14, 15, 16, 17, 18};

std::string ReadTestdata(const std::string& name) {
  std::ifstream file(std::filesystem::path(PGCAIRN_LAYER_SOURCES) / "wal/testdata" / name,
                     std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  CHECK(!text.str().empty());
  return text.str();
}

Bytes SegmentOf(int major_version) {
  Bytes segment = ToBytes(AsBytes(ReadTestdata(fmt::format("pg{}.wal", major_version))));
  segment.resize(kWalSegmentBytesMin);
  return segment;
}

class RealSegment : public ::testing::TestWithParam<int> {};

TEST_P(RealSegment, IsReadAsPostgresqlReadsIt) {
  static constexpr const char* kKinds[] = {"COMMIT", "ABORT", "COMMIT_PREPARED", "ABORT_PREPARED"};
  Bytes segment = SegmentOf(GetParam());
  EXPECT_EQ(ReadWalSegmentHeader(segment)->major_version, GetParam());
  std::string lines;
  uint64_t ends = 0;
  Status status = ForEachRecoveryStop(
      segment, {},
      [&](const TransactionEnd& end) {
        ++ends;
        lines += fmt::format("{} {} {} {} {}\n", end.start.ToText(), end.end.ToText(), end.xid,
                             end.time.unix_us, kKinds[static_cast<int>(end.kind)]);
      },
      [&](const NamedPoint& point) {
        lines +=
            fmt::format("{} {} POINT {}\n", point.start.ToText(), point.end.ToText(), point.name);
      });
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(lines, ReadTestdata(fmt::format("pg{}.expected", GetParam())));

  auto summary = SummarizeWal(segment);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->transaction_end_count, ends);
  EXPECT_TRUE(summary->ended_by_switch);
  EXPECT_EQ(summary->valid_end, summary->header.End());
}

// Both entry points must come back whatever the bytes are; the sanitizers see any wrong read.
void ReadBoth(ByteView segment, ByteView next) {
  (void)SummarizeWal(segment).ok();
  (void)ForEachRecoveryStop(
      segment, next, [](const TransactionEnd&) {}, [](const NamedPoint&) {})
      .ok();
}

TEST_P(RealSegment, WithRandomDamageIsReadWithinItsBounds) {
  const Bytes whole = SegmentOf(GetParam());
  const size_t used = ReadTestdata(fmt::format("pg{}.wal", GetParam())).size();
  Bytes segment = whole;
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  for (int round = 0; round < 5000; ++round) {
    // Headers of pages and of the segment draw half of the blows.
    size_t at = random() % used;
    if (random() % 2 == 0) at = at / kWalPageBytes * kWalPageBytes + random() % 48;
    size_t length = std::min<size_t>(1 + random() % 8, segment.size() - at);
    for (size_t i = 0; i < length; ++i) {
      segment[at + i] = random() % 4 == 0 ? 0xFF : static_cast<uint8_t>(random());
    }
    ReadBoth(segment, round % 2 == 0 ? ByteView() : ByteView(segment).first(random() % 20000));
    std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(at), length,
                segment.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

// The checksum is made right again, so that the damage reaches what reads the payload.
TEST_P(RealSegment, WithDamagedPayloadsIsReadWithinItsBounds) {
  const Bytes whole = SegmentOf(GetParam());
  auto header = *ReadWalSegmentHeader(whole);
  std::vector<std::pair<size_t, Bytes>> stops;  // of those that lie within one page
  WalReader reader(header, whole, {});
  while (reader.Next()) {
    const WalRecord& record = reader.record();
    size_t at = record.start.value - header.start.value;
    if ((EndsTransaction(record) || NamesPoint(record)) &&
        at % kWalPageBytes + record.total_bytes <= kWalPageBytes) {
      stops.emplace_back(at, ToBytes(reader.Body()));
    }
  }
  ASSERT_GT(stops.size(), 10U);
  std::mt19937 random(static_cast<unsigned>(GetParam()) * 7);
  Bytes segment = whole;
  for (int round = 0; round < 3000; ++round) {
    const auto& [at, pristine] = stops[random() % stops.size()];
    Bytes record = pristine;
    for (unsigned blow = 0; blow < 1 + random() % 4; ++blow) {
      // Most meaning is in the first bytes of the payload.
      size_t reach = random() % 2 == 0 ? 48 : record.size() - 24;
      size_t place = 24 + random() % std::min(reach, record.size() - 24);
      if (random() % 8 == 0) place = 16;  // which kind of record it is
      record[place] = random() % 4 == 0 ? 0xFF : static_cast<uint8_t>(random());
    }
    uint32_t checksum = Crc32c(ByteView(record).subspan(24));
    StoreLe(record.data() + 20, Crc32c(ByteView(record).first(20), checksum));
    auto place = segment.begin() + static_cast<std::ptrdiff_t>(at);
    std::copy(record.begin(), record.end(), place);
    ReadBoth(segment, {});
    std::copy(pristine.begin(), pristine.end(), place);
  }
}

INSTANTIATE_TEST_SUITE_P(EachVersion, RealSegment, ::testing::ValuesIn(kVersions));

}  // namespace
}  // namespace pgcairn::postgres
