#include "postgres/wal/wal_summary.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"

namespace pgcairn::postgres {
namespace {

using testing::WalBuilder;

constexpr int64_t k2000Us = 946'684'800'000'000;

std::optional<Timestamp> At(int64_t since_2000_us) { return Timestamp{k2000Us + since_2000_us}; }

struct Stops {
  std::vector<uint32_t> xids;
  std::vector<std::string> names;
};

Result<Stops> StopsOf(ByteView segment, ByteView next) {
  Stops stops;
  RETURN_IF_ERROR(ForEachRecoveryStop(
      segment, next, [&](const TransactionEnd& end) { stops.xids.push_back(end.xid); },
      [&](const NamedPoint& point) { stops.names.push_back(point.name); }));
  return stops;
}

TEST(SummarizeWal, TellsTimesInTheOrderOfTheLogAndByValue) {
  WalBuilder builder;
  Lsn first = builder.AddAbort(700, 50);
  builder.AddCommit(701, 90);
  builder.AddOther(20000);
  builder.AddCommit(703, 20);
  builder.AddAbort(702, 60);
  builder.AddOther(100);
  auto summary = SummarizeWal(builder.Segment(0));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->first_time, At(50));
  EXPECT_EQ(summary->last_time, At(60));
  EXPECT_EQ(summary->min_time, At(20));
  EXPECT_EQ(summary->max_time, At(90));
  EXPECT_EQ(summary->first_commit_time, At(90));
  EXPECT_EQ(summary->last_commit_time, At(20));
  EXPECT_EQ(summary->transaction_end_count, 4U);
  EXPECT_EQ(summary->xids, (std::vector<XidRange>{{700, 703}}));
  EXPECT_EQ(summary->first_record, first);
  EXPECT_EQ(summary->valid_end, builder.Position());
  EXPECT_FALSE(summary->tail_incomplete);
  EXPECT_FALSE(summary->ended_by_switch);
  EXPECT_EQ(summary->header.start.value, builder.base());
}

TEST(SummarizeWal, OfASegmentWithoutStopsHasNoTimes) {
  WalBuilder builder;
  builder.AddOther(100);
  auto summary = SummarizeWal(builder.Segment(0));
  ASSERT_TRUE(summary.ok());
  EXPECT_FALSE(summary->first_time || summary->last_time || summary->min_time ||
               summary->max_time || summary->first_commit_time || summary->last_commit_time);
  EXPECT_TRUE(summary->xids.empty());
  EXPECT_TRUE(summary->named_points.empty());
}

TEST(SummarizeWal, AbortsAloneGiveNoCommitTime) {
  WalBuilder builder;
  builder.AddAbort(700, 50);
  auto summary = SummarizeWal(builder.Segment(0));
  EXPECT_EQ(summary->last_time, At(50));
  EXPECT_FALSE(summary->first_commit_time || summary->last_commit_time);
}

TEST(SummarizeWal, ListsNamedPointsInOrderSameNamesToo) {
  WalBuilder builder;
  Lsn start = builder.AddPoint("before upgrade", 10);
  Lsn end = builder.Position();
  builder.AddPoint("b", 20);
  builder.AddPoint("b", 30);
  auto summary = SummarizeWal(builder.Segment(0));
  ASSERT_EQ(summary->named_points.size(), 3U);
  EXPECT_EQ(summary->named_points[0].name, "before upgrade");
  EXPECT_EQ(summary->named_points[0].start, start);
  EXPECT_EQ(summary->named_points[0].end, end);
  EXPECT_EQ(summary->named_points[0].time, *At(10));
  EXPECT_EQ(summary->named_points[2].time, *At(30));
  EXPECT_FALSE(summary->first_time);
}

TEST(SummarizeWal, OfNothingButAContinuedRecordEndsWhereItBegins) {
  WalBuilder builder;
  builder.FillSegmentUpTo(64);
  builder.AddOther(3U << 20);
  auto summary = SummarizeWal(builder.Segment(1));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->first_record, Lsn{0});
  EXPECT_EQ(summary->valid_end, summary->header.start);
  EXPECT_FALSE(summary->tail_incomplete);
}

TEST(SummarizeWal, ASwitchMakesTheWholeSegmentValid) {
  WalBuilder builder;
  builder.AddCommit(1, 1);
  builder.Switch();
  auto summary = SummarizeWal(builder.Segment(0));
  EXPECT_TRUE(summary->ended_by_switch);
  EXPECT_EQ(summary->valid_end, summary->header.End());
}

TEST(SummarizeWal, ATailIsIncompleteOnlyWhenItMayHideAStop) {
  for (uint32_t room = 8; room <= 32; room += 8) {
    WalBuilder hides;
    hides.FillSegmentUpTo(room);
    Lsn start = hides.AddCommit(900, 9);
    Bytes next = hides.Segment(1);
    auto summary = SummarizeWal(hides.Segment(0));
    EXPECT_TRUE(summary->tail_incomplete) << room;
    EXPECT_EQ(summary->transaction_end_count, 0U);
    EXPECT_EQ(summary->valid_end, start);
    EXPECT_TRUE(StopsOf(hides.Segment(0), {})->xids.empty());
    EXPECT_EQ(StopsOf(hides.Segment(0), next)->xids, std::vector<uint32_t>{900});

    WalBuilder harmless;
    harmless.FillSegmentUpTo(room);
    harmless.AddOther(100);
    EXPECT_EQ(SummarizeWal(harmless.Segment(0))->tail_incomplete, room < 24) << room;
  }
  WalBuilder fits;
  fits.FillSegmentUpTo(40);
  fits.AddCommit(900, 9);
  EXPECT_FALSE(SummarizeWal(fits.Segment(0))->tail_incomplete);
  EXPECT_EQ(SummarizeWal(fits.Segment(0))->transaction_end_count, 1U);
}

TEST(SummarizeWal, ListsTheTablespacesThatAreMade) {
  WalBuilder builder;
  Lsn first = builder.AddTablespace(16'400, "/mnt/fast disk/pg");
  builder.Add(5, 0x10, 700, testing::MainDataOnly(Bytes{0x10, 0x40, 0, 0}));  // DROP
  Lsn second = builder.AddTablespace(16'401, "");
  auto summary = SummarizeWal(builder.Segment(0));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->tablespaces, (std::vector<TablespaceCreation>{
                                      {16'400, "/mnt/fast disk/pg", first}, {16'401, "", second}}));
}

TEST(SummarizeWal, ATablespaceWithoutItsEndIsOfAnUnknownForm) {
  for (const Bytes& data : {Bytes{1, 0, 0}, Bytes{1, 0, 0, 0}, Bytes{1, 0, 0, 0, '/'}}) {
    WalBuilder builder;
    builder.Add(5, 0x00, 700, testing::MainDataOnly(data));
    EXPECT_EQ(SummarizeWal(builder.Segment(0)).code(), Code::kUnsupported);
  }
}

TEST(ForEachTablespace, ReadsTheOneAcrossTheEnd) {
  for (uint32_t room = 8; room <= 32; room += 8) {
    WalBuilder builder;
    builder.FillSegmentUpTo(room);
    Lsn start = builder.AddTablespace(16'400, "/mnt/fast");
    builder.AddTablespace(16'401, "/mnt/in the next");
    EXPECT_TRUE(SummarizeWal(builder.Segment(0))->tail_incomplete) << room;
    std::vector<TablespaceCreation> found;
    auto add = [&](const TablespaceCreation& creation) { found.push_back(creation); };
    ASSERT_TRUE(ForEachTablespace(builder.Segment(0), {}, add).ok());
    EXPECT_TRUE(found.empty());
    ASSERT_TRUE(ForEachTablespace(builder.Segment(0), builder.Segment(1), add).ok());
    EXPECT_EQ(found, (std::vector<TablespaceCreation>{{16'400, "/mnt/fast", start}}));
  }
}

TEST(ForEachTablespace, DoesNotMindOtherRecordsOfAnUnknownForm) {
  WalBuilder builder;
  builder.Add(1, 0x00, 700, Bytes{255, 2, 0, 0});
  Lsn start = builder.AddTablespace(16'400, "/mnt/fast");
  std::vector<TablespaceCreation> found;
  ASSERT_TRUE(ForEachTablespace(builder.Segment(0), {}, [&](const TablespaceCreation& creation) {
                found.push_back(creation);
              }).ok());
  EXPECT_EQ(found, (std::vector<TablespaceCreation>{{16'400, "/mnt/fast", start}}));
}

TEST(SummarizeWal, RefusesFewerOrMoreBytesThanASegment) {
  WalBuilder builder;
  builder.AddCommit(1, 1);
  Bytes segment = builder.Segment(0);
  EXPECT_EQ(SummarizeWal(ByteView(segment).first(segment.size() - 1)).code(), Code::kDamaged);
  segment.push_back(0);
  EXPECT_EQ(SummarizeWal(segment).code(), Code::kDamaged);
  EXPECT_EQ(SummarizeWal({}).code(), Code::kDamaged);
}

TEST(SummarizeWal, ARightChecksumOverAnUnknownFormIsAnErrorNotTheEnd) {
  WalBuilder builder;
  builder.Add(1, 0x00, 700, Bytes{255, 2, 0, 0});
  EXPECT_EQ(SummarizeWal(builder.Segment(0)).code(), Code::kUnsupported);
}

TEST(ForEachRecoveryStop, KeepsTheOrderAndLeavesOutWhatBeginsInTheNextSegment) {
  WalBuilder builder;
  builder.AddCommit(1, 1);
  builder.AddPoint("here", 2);
  builder.AddAbort(2, 3);
  builder.FillSegmentUpTo(16);
  builder.AddPoint("across", 4);
  builder.AddCommit(3, 5);
  builder.AddPoint("there", 6);
  auto stops = StopsOf(builder.Segment(0), builder.Segment(1));
  ASSERT_TRUE(stops.ok());
  EXPECT_EQ(stops->xids, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(stops->names, (std::vector<std::string>{"here", "across"}));
}

TEST(ForEachRecoveryStop, SaysWhenTheNextSegmentIsNotEnough) {
  WalBuilder builder;
  builder.FillSegmentUpTo(512);
  Bytes data(8 + 4 + 4 + 400'000 * 4);
  StoreLe(data.data() + 8, uint32_t{2});
  StoreLe(data.data() + 12, uint32_t{400'000});
  builder.Add(1, 0x80, 55, testing::MainDataOnly(data));
  Bytes next = builder.Segment(1);
  EXPECT_EQ(StopsOf(builder.Segment(0), next).code(), Code::kNotFound);
  Append(next, builder.Segment(2));
  EXPECT_EQ(StopsOf(builder.Segment(0), next)->xids, std::vector<uint32_t>{55});
}

TEST(ForEachRecoveryStop, RefusesANextSegmentThatDoesNotFollow) {
  WalBuilder builder;
  builder.AddCommit(1, 1);
  WalBuilder later({.segment_number = 5});
  WalBuilder other_cluster({.segment_number = 4, .system = SystemIdentifier{2}});
  for (WalBuilder* wrong : {&builder, &later, &other_cluster}) {
    wrong->AddCommit(2, 2);
    EXPECT_EQ(StopsOf(builder.Segment(0), wrong->Segment(0)).code(), Code::kDamaged);
  }
  EXPECT_EQ(StopsOf(builder.Segment(0), Bytes(8192)).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::postgres
