#include "postgres/wal/wal_page.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"

namespace pgcairn::postgres {
namespace {

using testing::WalBuilder;

Bytes FirstPage(WalBuilder::Options options = {}) {
  WalBuilder builder(options);
  builder.AddCommit(700, 1);
  return builder.Segment(0);
}

Code CodeWith(size_t at, Bytes replacement) {
  Bytes segment = FirstPage();
  std::copy(replacement.begin(), replacement.end(), segment.begin() + static_cast<int>(at));
  return ReadWalSegmentHeader(segment).code();
}

TEST(WalSegmentHeader, SaysWhatTheFirstPageSays) {
  auto header = ReadWalSegmentHeader(FirstPage({.magic = 0xD116,
                                                .segment_size = 16U << 20,
                                                .segment_number = 0x1234,
                                                .timeline = TimelineId{9},
                                                .system = SystemIdentifier{0x1122334455667788}}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->magic, 0xD116);
  EXPECT_EQ(header->major_version, 17);
  EXPECT_EQ(header->timeline, TimelineId{9});
  EXPECT_EQ(header->start, Lsn{0x1234ULL * (16U << 20)});
  EXPECT_EQ(header->End(), Lsn{0x1235ULL * (16U << 20)});
  EXPECT_EQ(header->system_identifier, SystemIdentifier{0x1122334455667788});
  EXPECT_EQ(header->segment_size, 16U << 20);
  EXPECT_EQ(header->block_size, 8192U);
}

TEST(WalSegmentHeader, NeedsNoMoreThanItsOwnBytes) {
  Bytes segment = FirstPage();
  EXPECT_TRUE(ReadWalSegmentHeader(ByteView(segment).first(kWalSegmentHeaderBytes)).ok());
  for (size_t size = 0; size < kWalSegmentHeaderBytes; ++size) {
    EXPECT_EQ(ReadWalSegmentHeader(ByteView(segment).first(size)).code(), Code::kDamaged);
  }
}

TEST(WalSegmentHeader, KnowsTheMagicOfEachMajorVersion) {
  const std::pair<uint16_t, int> kKnown[] = {{0xD106, 13}, {0xD10D, 14}, {0xD110, 15},
                                             {0xD113, 16}, {0xD116, 17}, {0xD118, 18}};
  for (auto [magic, major] : kKnown) {
    auto header = ReadWalSegmentHeader(FirstPage({.magic = magic}));
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->major_version, major);
  }
}

TEST(WalSegmentHeader, AnotherVersionIsUnsupportedAndAnythingElseIsDamaged) {
  EXPECT_EQ(CodeWith(0, {0x01, 0xD1}), Code::kUnsupported);  // 12
  EXPECT_EQ(CodeWith(0, {0x17, 0xD1}), Code::kUnsupported);  // 18 before its release
  EXPECT_EQ(CodeWith(0, {0x00, 0x00}), Code::kDamaged);
  EXPECT_EQ(CodeWith(0, {0x7F, 'E'}), Code::kDamaged);
  EXPECT_EQ(CodeWith(0, {0x17, 0xD1, 0x00, 0x00}), Code::kDamaged);  // no long header
  EXPECT_EQ(ReadWalSegmentHeader(Bytes(8192)).code(), Code::kDamaged);
}

TEST(WalSegmentHeader, ImpossibleValuesAreDamage) {
  EXPECT_EQ(CodeWith(2, {0x00, 0x00}), Code::kDamaged);                                // short
  EXPECT_EQ(CodeWith(2, {0x12, 0x00}), Code::kDamaged);                                // flags
  EXPECT_EQ(CodeWith(4, {0, 0, 0, 0}), Code::kDamaged);                                // timeline
  EXPECT_EQ(CodeWith(8, {0, 0x20}), Code::kDamaged);                                   // address
  EXPECT_EQ(CodeWith(8, {0, 0, 0, 0, 0, 0, 0, 0}), Code::kDamaged);                    // address
  EXPECT_EQ(CodeWith(8, {0, 0, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}), Code::kDamaged);  // end
  EXPECT_EQ(CodeWith(32, {0, 0, 0x08, 0}), Code::kDamaged);                            // 512 KiB
  EXPECT_EQ(CodeWith(32, {0, 0, 0x30, 0}), Code::kDamaged);                            // 3 MiB
  EXPECT_EQ(CodeWith(32, {0, 0, 0, 0x80}), Code::kDamaged);                            // 2 GiB
}

TEST(WalSegmentHeader, AnotherBlockSizeIsUnsupported) {
  EXPECT_EQ(CodeWith(36, {0, 0x40, 0, 0}), Code::kUnsupported);
}

TEST(WalPageHeader, IsOnlyReadInItsPlace) {
  WalBuilder builder;
  builder.AddOther(3 * kWalPageBytes);
  Bytes segment = builder.Segment(0);
  auto header = *ReadWalSegmentHeader(segment);
  Bytes second(segment.begin() + kWalPageBytes, segment.begin() + 2 * kWalPageBytes);
  Lsn address{header.start.value + kWalPageBytes};

  auto page = ReadWalPageHeader(second, header, address);
  ASSERT_TRUE(page.has_value());
  EXPECT_TRUE(page->continues);
  EXPECT_FALSE(page->overwrites);
  EXPECT_EQ(page->bytes, 24U);
  EXPECT_EQ(page->remaining, 3 * kWalPageBytes - (kWalPageBytes - 40));
  EXPECT_FALSE(ReadWalPageHeader(second, header, Lsn{address.value + kWalPageBytes}));
  EXPECT_FALSE(ReadWalPageHeader(Bytes(kWalPageBytes), header, address));
  header.magic = 0xD113;
  EXPECT_FALSE(ReadWalPageHeader(second, header, address));
}

TEST(WalPageHeader, OfAFirstPageMustBeThatOfTheSameClusterAndLong) {
  Bytes segment = FirstPage();
  auto header = *ReadWalSegmentHeader(segment);
  EXPECT_TRUE(ReadWalPageHeader(segment, header, header.start));
  auto other = header;
  other.system_identifier.value += 1;
  EXPECT_FALSE(ReadWalPageHeader(segment, other, header.start));
  segment[2] = 0;
  EXPECT_FALSE(ReadWalPageHeader(segment, header, header.start));
}

}  // namespace
}  // namespace pgcairn::postgres
