#include "commands/retention_facts.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kFactsSegmentBytes = 1 << 20;
constexpr uint64_t kFactsSystem = 7;

class ArchivedWalTest : public ::testing::Test {
 protected:
  void Push(uint32_t timeline, uint64_t number, std::optional<int64_t> max_time_us = {}) {
    format::WalInfo info;
    if (max_time_us) info.mutable_summary()->set_max_time_us(*max_time_us);
    ASSERT_TRUE(wal_.Push(
                        postgres::WalSegmentName({{timeline}, number}, kFactsSegmentBytes),
                        {AsBytes("x"), 1}, [&] { return info; }, 1)
                    .ok());
  }
  ArchivedWal Read() {
    Result<ArchivedWal> archived = ReadArchivedWal(wal_, kFactsSegmentBytes);
    CHECK(archived.ok());
    return std::move(archived).value();
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_{*cluster_.access, kFactsSystem};
};

TEST_F(ArchivedWalTest, ATimelineIsAsNewAsItsNewestSegment) {
  constexpr int64_t kFuture = int64_t{4'000'000'000} * 1'000'000;
  Timestamp before = Timestamp::Now();
  Push(1, 3, kFuture);  // not the newest: its time does not count
  Push(1, 4, 1000);
  Push(2, 4, kFuture);
  ArchivedWal archived = Read();
  EXPECT_EQ(archived.system.value, kFactsSystem);
  EXPECT_EQ(archived.archive.SegmentsOf({1}), (std::set<uint64_t>{3, 4}));
  EXPECT_GE(archived.newest_at.at({1}), before) << "pushed just now, whatever is in it";
  EXPECT_LE(archived.newest_at.at({1}), Timestamp::Now());
  EXPECT_EQ(archived.newest_at.at({2}).unix_us, kFuture) << "the later of both clocks counts";
}

TEST_F(ArchivedWalTest, ATimelineWhoseNewestSegmentIsDamagedCountsAsWritten) {
  Push(1, 3);
  Push(2, 4);
  std::string object = cluster_.access->names.WalFile(
      kFactsSystem, postgres::WalSegmentName({{2}, 4}, kFactsSegmentBytes));
  repository::Replace(*cluster_.storage, object, AsBytes("no WAL object"));
  ArchivedWal archived = Read();
  EXPECT_TRUE(archived.newest_at.contains({1}));
  EXPECT_FALSE(archived.newest_at.contains({2}));
}

TEST(FactsOf, AreWhatManifestAndNotesSay) {
  format::Manifest manifest;
  manifest.set_backup_id("20240101_020000-00af");
  manifest.set_type(format::Manifest::INCREMENTAL);
  manifest.set_system_identifier(9);
  manifest.set_timeline(2);
  manifest.set_start_lsn(100);
  manifest.set_stop_lsn(200);
  manifest.set_started_at_us(3);
  manifest.set_stop_time_us(4);
  manifest.set_finished_at_us(5);
  manifest.set_wal_segment_size(kFactsSegmentBytes);
  repository::BackupNotes notes;
  BackupFacts facts = FactsOf(manifest, notes);
  EXPECT_EQ(facts.id, "20240101_020000-00af");
  EXPECT_TRUE(facts.incremental && facts.good);
  EXPECT_FALSE(facts.verified || facts.pinned);
  EXPECT_TRUE(facts.holds.empty());
  EXPECT_EQ(facts.system.value, 9u);
  EXPECT_EQ(facts.timeline.value, 2u);
  EXPECT_EQ(facts.start_lsn.value, 100u);
  EXPECT_EQ(facts.stop_lsn.value, 200u);
  EXPECT_EQ(facts.started_at.unix_us, 3);
  EXPECT_EQ(facts.stopped_at.unix_us, 4);
  EXPECT_EQ(facts.wal_segment_bytes, kFactsSegmentBytes);

  manifest.set_type(format::Manifest::FULL);
  manifest.set_bad_page_count(1);
  notes.pinned = true;
  notes.verified = format::Verification();
  notes.unreadable = {"notes/x/00000003 is damaged"};
  facts = FactsOf(manifest, notes);
  EXPECT_FALSE(facts.incremental || facts.good);
  EXPECT_TRUE(facts.verified && facts.pinned);
  ASSERT_EQ(facts.holds.size(), 1u);
  EXPECT_NE(facts.holds[0].find("notes/x/00000003"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::commands
