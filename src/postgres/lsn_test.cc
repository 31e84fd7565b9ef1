#include "postgres/lsn.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;

TEST(Lsn, TextRoundTrips) {
  EXPECT_EQ(Lsn{0x1A03000060}.ToText(), "1A/3000060");
  EXPECT_EQ(ParseLsn("1A/3000060"), Lsn{0x1A03000060});
  for (const char* bad : {"", "1", "/", "1/", "/1", "1/123456789", "x/1", "1/1 "}) {
    EXPECT_EQ(ParseLsn(bad), std::nullopt) << bad;
  }
}

TEST(WalSegment, NamesFollowTheSegmentSize) {
  EXPECT_EQ(WalSegmentName({TimelineId{1}, 3}, 16 * kMiB), "000000010000000000000003");
  EXPECT_EQ(WalSegmentName({TimelineId{1}, 256}, 16 * kMiB), "000000010000000100000000");
  EXPECT_EQ(WalSegmentName({TimelineId{10}, 4096}, kMiB), "0000000A0000000100000000");
  EXPECT_EQ(ParseWalSegmentName("0000000A0000000100000000", kMiB),
            (WalSegment{TimelineId{10}, 4096}));
  EXPECT_EQ(ParseWalSegmentName("000000010000000000000100", 16 * kMiB), std::nullopt);
  EXPECT_EQ(ParseWalSegmentName("00000001000000000000000a", 16 * kMiB), std::nullopt);
}

TEST(WalSegment, AnLsnOnTheBoundaryEndsTheSegmentBefore) {
  Lsn boundary{16 * kMiB};
  EXPECT_EQ(SegmentHolding(TimelineId{1}, boundary, 16 * kMiB).number, 1u);
  EXPECT_EQ(SegmentBefore(TimelineId{1}, boundary, 16 * kMiB).number, 0u);
}

TEST(WalFile, KindsByName) {
  EXPECT_EQ(KindOfWalFile("000000010000000000000003"), WalFileKind::kSegment);
  EXPECT_EQ(KindOfWalFile("000000010000000000000003.partial"), WalFileKind::kPartialSegment);
  EXPECT_EQ(KindOfWalFile("00000002.history"), WalFileKind::kHistory);
  EXPECT_EQ(KindOfWalFile("000000010000000000000003.00000028.backup"), WalFileKind::kBackupHistory);
  EXPECT_EQ(KindOfWalFile("RECOVERYXLOG"), WalFileKind::kOther);
  EXPECT_EQ(KindOfWalFile("../000000010000000000000003"), WalFileKind::kOther);
}

}  // namespace
}  // namespace pgcairn::postgres
