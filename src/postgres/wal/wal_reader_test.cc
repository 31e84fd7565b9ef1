#include "postgres/wal/wal_reader.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"

namespace pgcairn::postgres {
namespace {

using testing::WalBuilder;

struct Walk {
  std::vector<WalRecord> records;
  WalEnd end;
  std::optional<WalRecord> cut_off;
};

Walk WalkThrough(const Bytes& segment, const Bytes& following = {}) {
  Walk walk;
  WalReader reader(*ReadWalSegmentHeader(segment), segment, following);
  while (reader.Next()) {
    walk.records.push_back(reader.record());
    EXPECT_EQ(reader.Body().size(), reader.record().total_bytes);
  }
  EXPECT_FALSE(reader.Next());
  walk.end = reader.end();
  walk.cut_off = reader.cut_off();
  return walk;
}

TEST(WalReader, GivesEveryRecordAndStopsAtTheZeros) {
  WalBuilder builder;
  std::vector<Lsn> starts;
  std::vector<Lsn> ends;
  for (uint32_t size : {32U, 33U, 500U, 9000U, 40U, 30000U, 8168U, 64U}) {
    starts.push_back(builder.AddOther(size));
    ends.push_back(builder.Position());
  }
  Walk walk = WalkThrough(builder.Segment(0));
  ASSERT_EQ(walk.records.size(), starts.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    EXPECT_EQ(walk.records[i].start, starts[i]);
    EXPECT_EQ(walk.records[i].end, ends[i]);
    EXPECT_EQ(walk.records[i].resource_manager, 10);
  }
  EXPECT_EQ(walk.end, WalEnd::kLogEnds);
}

TEST(WalReader, PutsARecordTogetherFromItsPages) {
  WalBuilder builder;
  Bytes data(20000);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 7);
  Bytes rest = testing::MainDataOnly(data);
  builder.Add(10, 0, 1, rest);
  Bytes segment = builder.Segment(0);
  WalReader reader(*ReadWalSegmentHeader(segment), segment, {});
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(ToBytes(reader.Body().subspan(kWalRecordHeaderBytes)), rest);
}

// With every alignment of the record's header against the end of a page.
TEST(WalReader, ReadsHeadersThatArePartedByAPageEnd) {
  for (uint32_t room = 8; room <= 40; room += 8) {
    WalBuilder builder;
    builder.AddOther(kWalPageBytes - 40 - room);
    Lsn start = builder.AddOther(100);
    EXPECT_EQ(start.value % kWalPageBytes, kWalPageBytes - room);
    Walk walk = WalkThrough(builder.Segment(0));
    ASSERT_EQ(walk.records.size(), 2U);
    EXPECT_EQ(walk.records[1].start, start);
    EXPECT_EQ(walk.records[1].end, builder.Position());
  }
}

TEST(WalReader, SkipsTheRestOfARecordFromTheSegmentBefore) {
  for (uint32_t over : {1U, 8U, 100U, 8150U, 8152U, 8153U, 8160U, 20000U}) {
    WalBuilder builder;
    builder.FillSegmentUpTo(64);
    builder.AddOther(64 + over);
    Lsn next = builder.AddCommit(9, 1);
    Walk walk = WalkThrough(builder.Segment(1));
    ASSERT_EQ(walk.records.size(), 1U) << over;
    EXPECT_EQ(walk.records[0].start, next) << over;
  }
}

TEST(WalReader, FindsNothingWhereOneRecordTakesTheWholeSegment) {
  WalBuilder builder;
  builder.FillSegmentUpTo(64);
  builder.AddOther(3U << 20);
  Walk walk = WalkThrough(builder.Segment(1));
  EXPECT_TRUE(walk.records.empty());
  EXPECT_EQ(walk.end, WalEnd::kSegmentFull);
}

TEST(WalReader, DoesNotBelieveAContinuationThatBreaksOff) {
  WalBuilder builder;
  builder.FillSegmentUpTo(64);
  builder.AddOther(64 + 20000);
  builder.AddCommit(9, 1);
  for (size_t page : {1U, 2U}) {
    Bytes segment = builder.Segment(1);
    segment[page * kWalPageBytes + 16] ^= 1;  // what remains of the record
    EXPECT_TRUE(WalkThrough(segment).records.empty());
  }
}

// The page's own header is under no checksum.
TEST(WalReader, StopsWhereAPageContradictsTheRecord) {
  WalBuilder builder;
  builder.AddOther(100);
  builder.AddOther(2 * kWalPageBytes + 500);
  Bytes segment = builder.Segment(0);
  EXPECT_EQ(WalkThrough(segment).records.size(), 2U);
  segment[kWalPageBytes + 16] ^= 1;  // what remains of the record, on its second of three pages
  EXPECT_EQ(WalkThrough(segment).records.size(), 1U);
  segment = builder.Segment(0);
  segment[kWalPageBytes + 2] = 0;  // no continuation
  EXPECT_EQ(WalkThrough(segment).records.size(), 1U);

  WalBuilder fresh;
  fresh.AddOther(kWalPageBytes - 40);
  fresh.AddOther(100);
  segment = fresh.Segment(0);
  EXPECT_EQ(WalkThrough(segment).records.size(), 2U);
  segment[kWalPageBytes + 2] = 1;  // a continuation of nothing
  EXPECT_EQ(WalkThrough(segment).records.size(), 1U);
}

TEST(WalReader, StopsAtABrokenChecksumLinkOrLength) {
  for (size_t at :
       {size_t{0}, size_t{4}, size_t{8}, size_t{16}, size_t{20}, size_t{24}, size_t{31}}) {
    WalBuilder builder;
    Lsn first = builder.AddCommit(1, 1);
    Lsn broken = builder.AddCommit(2, 2);
    builder.AddCommit(3, 3);
    builder.log()[broken.value - builder.base() + at] ^= 0x40;
    Walk walk = WalkThrough(builder.Segment(0));
    ASSERT_EQ(walk.records.size(), 1U) << at;
    EXPECT_EQ(walk.records[0].start, first);
    EXPECT_EQ(walk.end, WalEnd::kLogEnds);
  }
}

// A recycled file: behind the last new record stands an old one, whole, with its old link.
TEST(WalReader, StopsAtAnOldRecordBehindTheLastNewOne) {
  WalBuilder old_log({.segment_number = 3});
  WalBuilder new_log({.segment_number = 8});
  for (uint32_t xid = 1; xid <= 10; ++xid) old_log.AddCommit(xid, xid);
  for (uint32_t xid = 11; xid <= 13; ++xid) new_log.AddCommit(xid, xid);
  Bytes segment = old_log.Segment(0);
  std::copy(new_log.log().begin(), new_log.log().end(), segment.begin());
  EXPECT_EQ(WalkThrough(segment).records.size(), 3U);
}

TEST(WalReader, StopsAtAnOldPage) {
  WalBuilder old_log({.segment_number = 3});
  WalBuilder new_log({.segment_number = 8});
  old_log.AddOther(kWalPageBytes - 40);
  old_log.AddCommit(1, 1);
  new_log.AddOther(kWalPageBytes - 40);
  Bytes segment = old_log.Segment(0);
  std::copy(new_log.log().begin(), new_log.log().end(), segment.begin());
  Walk walk = WalkThrough(segment);
  EXPECT_EQ(walk.records.size(), 1U);
  EXPECT_EQ(walk.end, WalEnd::kLogEnds);
}

TEST(WalReader, FollowsATimelineToItsChildButNotBack) {
  WalBuilder builder({.timeline = TimelineId{2}});
  builder.AddOther(kWalPageBytes - 40);
  builder.SetTimeline(TimelineId{3});
  builder.AddOther(kWalPageBytes - 24);
  builder.SetTimeline(TimelineId{2});
  builder.AddOther(100);
  EXPECT_EQ(WalkThrough(builder.Segment(0)).records.size(), 2U);
}

TEST(WalReader, ASwitchEndsAtTheEndOfTheSegment) {
  WalBuilder builder;
  builder.AddCommit(1, 1);
  builder.Switch();
  Lsn next = builder.AddCommit(2, 2);
  Walk walk = WalkThrough(builder.Segment(0), builder.Segment(1));
  ASSERT_EQ(walk.records.size(), 2U);
  EXPECT_EQ(walk.records[1].end, Lsn{builder.base() + kWalSegmentBytesMin});
  EXPECT_EQ(walk.end, WalEnd::kSwitched);
  EXPECT_EQ(WalkThrough(builder.Segment(1)).records.at(0).start, next);
}

TEST(WalReader, CompletesTheLastRecordFromWhatFollows) {
  constexpr uint32_t kLonger = kWalSegmentBytesMin * 3 / 2;  // than the segment that follows
  for (uint32_t room = 8; room <= 64; room += 8) {
    WalBuilder builder;
    builder.FillSegmentUpTo(room);
    Lsn start = builder.AddOther(kLonger);
    Lsn end = builder.Position();
    builder.AddCommit(1, 1);
    Bytes following = builder.Segment(1);
    Walk alone = WalkThrough(builder.Segment(0));
    Walk with_one = WalkThrough(builder.Segment(0), following);
    Append(following, builder.Segment(2));
    Walk with_two = WalkThrough(builder.Segment(0), following);

    EXPECT_EQ(alone.end, WalEnd::kCutOff);
    EXPECT_EQ(alone.cut_off.has_value(), room >= kWalRecordHeaderBytes);
    EXPECT_EQ(with_one.end, WalEnd::kCutOff);
    ASSERT_TRUE(with_one.cut_off.has_value());
    EXPECT_EQ(with_one.cut_off->start, start);
    EXPECT_EQ(with_one.cut_off->total_bytes, kLonger);
    EXPECT_EQ(with_two.end, WalEnd::kSegmentFull);
    EXPECT_EQ(with_two.records.size(), alone.records.size() + 1);
    EXPECT_EQ(with_two.records.back().start, start);
    EXPECT_EQ(with_two.records.back().end, end);
  }
}

TEST(WalReader, OldBytesAtTheEndOfASegmentAreNoCutOffRecord) {
  for (uint32_t room : {16U, 24U, 40U}) {
    WalBuilder builder;
    builder.FillSegmentUpTo(room);
    Lsn start = builder.AddOther(200);
    builder.log()[start.value - builder.base() + 8] ^= 0x40;  // its link
    EXPECT_EQ(WalkThrough(builder.Segment(0)).end, WalEnd::kLogEnds);
  }
}

TEST(WalReader, ARecordWhoseContinuationWasReplacedIsVoid) {
  WalBuilder builder;
  Lsn whole = builder.AddOther(100);
  Lsn torn = builder.AddOther(30000);
  builder.CrashAfterPageOf(Lsn{torn.value + kWalPageBytes}, whole);
  Lsn next = builder.AddCommit(5, 5);
  Walk walk = WalkThrough(builder.Segment(0));
  ASSERT_EQ(walk.records.size(), 2U);
  EXPECT_EQ(walk.records[1].start, next);
}

TEST(WalReader, ARecordReplacedAtTheStartOfTheNextSegmentIsVoid) {
  WalBuilder builder;
  builder.FillSegmentUpTo(1000);
  Walk before = WalkThrough(builder.Segment(0));
  Lsn torn = builder.AddOther(30000);
  builder.CrashAfterPageOf(torn, before.records.back().start);
  Lsn next = builder.AddCommit(5, 5);
  Walk walk = WalkThrough(builder.Segment(0), builder.Segment(1));
  EXPECT_EQ(walk.records.size(), before.records.size());
  EXPECT_EQ(walk.end, WalEnd::kSegmentFull);
  EXPECT_EQ(WalkThrough(builder.Segment(1)).records.at(0).start, next);
}

TEST(WalReader, FindsTheRecordThatReplacesTheRestOfOneFromTheSegmentBefore) {
  WalBuilder builder;
  builder.FillSegmentUpTo(1000);
  Walk before = WalkThrough(builder.Segment(0));
  Lsn torn = builder.AddOther(30000);
  builder.CrashAfterPageOf(Lsn{torn.value + 2 * kWalPageBytes}, before.records.back().start);
  Lsn next = builder.AddCommit(5, 5);
  EXPECT_EQ(next.value % kWalSegmentBytesMin, 2 * kWalPageBytes + 24);
  EXPECT_EQ(WalkThrough(builder.Segment(1)).records.at(0).start, next);
}

TEST(WalReader, TheFirstRecordMustPointBeforeTheSegment) {
  WalBuilder good({.previous = 3 * kWalSegmentBytesMin - 8});
  good.AddCommit(1, 1);
  EXPECT_EQ(WalkThrough(good.Segment(0)).records.size(), 1U);
  WalBuilder bad({.previous = 3 * kWalSegmentBytesMin + 8});
  bad.AddCommit(1, 1);
  EXPECT_TRUE(WalkThrough(bad.Segment(0)).records.empty());
}

}  // namespace
}  // namespace pgcairn::postgres
