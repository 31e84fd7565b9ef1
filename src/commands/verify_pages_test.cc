#include "commands/verify_pages.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "postgres/page_checksum.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

constexpr uint32_t kSegmentPages = 100;

class PageJudgeTest : public ::testing::Test {
 protected:
  PageJudgeTest() {
    manifest_.set_data_checksums(true);
    manifest_.set_relation_segment_pages(kSegmentPages);
    manifest_.set_start_lsn(1000);
    manifest_.set_stop_lsn(2000);
    stream_.kind = repository::StreamKind::kRelationFile;
    stream_.path = "base/5/16384.1";
  }

  // Right as block `block` of the fork, with that LSN in its header.
  static Bytes Page(uint32_t block, uint32_t lsn) {
    Bytes page = repository::RandomContent(postgres::kPageSize, block);
    StoreLe<uint32_t>(page.data(), 0);
    StoreLe<uint32_t>(page.data() + 4, lsn);
    StoreLe<uint16_t>(page.data() + 8, postgres::PageChecksum(page.data(), block));
    return page;
  }

  // Whether a backup that holds `page` as unit 3 of the second file of a relation is good.
  bool IsGood(ByteView page) {
    PageJudge judge(manifest_);
    judge.Check(judge.Of(stream_), 3, page);
    checked_ = judge.checked();
    return judge.Judge().ok();
  }

  format::Manifest manifest_;
  repository::StreamEntry stream_;
  uint64_t checked_ = 0;
};

TEST_F(PageJudgeTest, BlocksCountThroughTheFilesOfAFork) {
  EXPECT_TRUE(IsGood(Page(103, 500)));
  EXPECT_FALSE(IsGood(Page(3, 500)));
  EXPECT_TRUE(IsGood(Bytes(postgres::kPageSize))) << "never written";
  EXPECT_EQ(checked_, 1u);
}

TEST_F(PageJudgeTest, WhatWalRepairsIsNoDamage) {
  Bytes torn = Page(103, 1500);
  torn.back() ^= 1;
  EXPECT_TRUE(IsGood(torn));
  Bytes late = Page(103, 2001);
  late.back() ^= 1;
  EXPECT_FALSE(IsGood(late)) << "no page was newer than the stop";
}

TEST_F(PageJudgeTest, WhatTheBackupSaidIsBadIsNoDamageOfTheRepository) {
  format::BadPage* bad = manifest_.add_bad_pages();
  bad->set_path("base/5/16384.1");
  bad->set_block(3);
  manifest_.set_bad_page_count(1);
  EXPECT_TRUE(IsGood(Page(3, 500)));
  bad->set_block(4);
  EXPECT_FALSE(IsGood(Page(3, 500)));
}

TEST_F(PageJudgeTest, OnlyTheFirstThousandBadPagesAreNamed) {
  manifest_.set_bad_page_count(1);
  EXPECT_TRUE(IsGood(Page(3, 500)));
}

TEST_F(PageJudgeTest, ATornPageMayLookOld) {
  manifest_.set_pages_torn(1);
  EXPECT_TRUE(IsGood(Page(3, 500)));
}

TEST_F(PageJudgeTest, NoPageOfManyThreadsIsLost) {
  constexpr uint32_t kTorn = 400;
  Bytes torn = Page(103, 1500);
  torn.back() ^= 1;
  Bytes old = Page(103, 500);
  old.back() ^= 1;
  for (uint32_t allowed : {kTorn, kTorn - 1}) {
    manifest_.set_pages_torn(allowed);
    PageJudge judge(manifest_);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        PagesOfStream pages = judge.Of(stream_);
        for (uint32_t i = 0; i < kTorn / 4; ++i) judge.Check(pages, 3, i % 2 == 0 ? torn : old);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(judge.checked(), kTorn);
    EXPECT_EQ(judge.Judge().ok(), allowed == kTorn);
  }
}

TEST_F(PageJudgeTest, OtherFilesAndClustersWithoutChecksumsHaveNone) {
  stream_.kind = repository::StreamKind::kOtherFile;
  EXPECT_TRUE(IsGood(Page(3, 500)));
  stream_.kind = repository::StreamKind::kRelationFile;
  manifest_.set_data_checksums(false);
  EXPECT_TRUE(IsGood(Page(3, 500)));
  EXPECT_EQ(checked_, 0u);
}

}  // namespace
}  // namespace pgcairn::commands
