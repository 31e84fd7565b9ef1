#include "commands/copy_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "repository/map/map_leaf.h"

namespace pgcairn::commands {
namespace {

using repository::kLeafUnitsMax;
using repository::kUnitBytes;
using repository::StreamList;
using repository::StreamRoot;

constexpr int64_t kTrustedBefore = 1'000'000;

crypto::Sha256Digest DigestOf(uint8_t seed) {
  crypto::Sha256Digest digest;
  digest.bytes.fill(seed);
  return digest;
}

// A server's files and what the earlier backup knows of them. Each leaf needs a data pack of its
// own: 100 + the leaf's number.
class CopyPlanTest : public ::testing::Test {
 protected:
  // Rising paths.
  void AddFile(const std::string& path, uint64_t size) {
    postgres::DataFile file;
    file.path = path;
    file.size = size;
    file.mtime_ns = file.ctime_ns = 500;
    file.inode = 1000 + listing_.files.size();
    listing_.files.push_back(file);
  }

  uint32_t AddLeaf(uint16_t units) {
    if (list_.packs.empty()) {
      list_.packs.resize(1);
      list_.packs[0].sha256 = DigestOf(1);
      list_.packs[0].length = 1'000'000;
    }
    const auto number = static_cast<uint32_t>(list_.leaves.size());
    list_.leaves.push_back({0, {200 + 10 * number, 100, 900, number, 1}, units});
    list_.data_packs.push_back({DigestOf(static_cast<uint8_t>(100 + number)), 1'000'000});
    list_.needs.push_back({repository::kNoPack, {{number, 1000}}});
    return number;
  }

  // As the file is now.
  void Remember(uint32_t file, uint32_t leaf, uint16_t entry = 0) {
    const postgres::DataFile& from = listing_.files[file];
    repository::StreamEntry stream;
    stream.path = from.path;
    stream.size = from.size;
    stream.mtime_ns = from.mtime_ns;
    stream.ctime_ns = from.ctime_ns;
    stream.inode = from.inode;
    stream.first_leaf = from.size == 0 ? repository::kNoLeaf : leaf;
    stream.first_entry = entry;
    list_.streams.push_back(stream);
  }

  // Two large files, of which the second has three leaves; two small ones in one leaf; an empty
  // one.
  void FillAndRemember() {
    AddFile("base/1", 200 * kUnitBytes);
    AddFile("base/2", (2 * kLeafUnitsMax + 7) * uint64_t{kUnitBytes} - 100);
    AddFile("base/3", 3 * kUnitBytes);
    AddFile("base/4", 100);
    AddFile("base/5", 0);
    Remember(0, AddLeaf(200));
    Remember(1, AddLeaf(kLeafUnitsMax));
    AddLeaf(kLeafUnitsMax);
    AddLeaf(7);
    const uint32_t shared = AddLeaf(5);
    Remember(2, shared, 1);
    Remember(3, shared, 4);
    Remember(4, 0);
  }

  CopyPlan Plan(CompareRules rules = {CompareReason::kNone, kTrustedBefore}) {
    map_ = std::make_unique<PreviousMap>();
    map_->AddList(list_, DigestOf(9), {});
    map_->MarkLost(lost_);
    CopyPlan plan = PlanCopy(listing_, *map_, rules);
    repository::PacksToEmpty to_empty;
    for (const crypto::Sha256Digest& pack : to_empty_) to_empty.packs.push_back({pack, 1});
    map_->MarkToEmpty(to_empty);
    PlanEmptying(listing_, *map_, plan);
    return plan;
  }

  // Every byte of files that are not carried is read once; files that are carried are not read but
  // for emptying.
  void ExpectConsistent(const CopyPlan& plan) {
    std::vector<uint64_t> read(listing_.files.size());
    bool emptying = false;
    for (const PlannedLeaf& leaf : plan.leaves) {
      ASSERT_FALSE(leaf.plan.slices.empty());
      EXPECT_TRUE(leaf.only_to_empty || !emptying) << "changed files come first";
      emptying = leaf.only_to_empty;
      for (const sources::Slice& slice : leaf.plan.slices) {
        EXPECT_EQ(plan.carried[slice.file], leaf.only_to_empty);
        if (leaf.only_to_empty) continue;
        EXPECT_EQ(slice.offset, read[slice.file]);
        read[slice.file] += slice.length;
      }
    }
    uint64_t carried = 0;
    for (size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i], plan.carried[i] ? 0 : listing_.files[i].size);
      if (plan.carried[i]) carried += listing_.files[i].size;
    }
    EXPECT_EQ(plan.carried_bytes, carried);
  }

  postgres::DataDirectoryListing listing_;
  StreamList list_;
  std::vector<crypto::Sha256Digest> lost_;
  std::vector<crypto::Sha256Digest> to_empty_;
  std::unique_ptr<PreviousMap> map_;
};

using Flags = std::vector<bool>;

TEST_F(CopyPlanTest, WithoutAnEarlierBackupAllIsRead) {
  FillAndRemember();
  list_ = {};
  const CopyPlan plan = Plan();
  EXPECT_EQ(plan.carried, Flags(5, false));
  EXPECT_EQ(plan.claims_unchanged, Flags(5, false));
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
}

TEST_F(CopyPlanTest, UnchangedFilesAreCarriedOver) {
  FillAndRemember();
  const CopyPlan plan = Plan();
  EXPECT_EQ(plan.carried, Flags(5, true));
  EXPECT_EQ(plan.claims_unchanged, Flags(5, true));
  EXPECT_TRUE(plan.leaves.empty());
  EXPECT_EQ(plan.reason, CompareReason::kNone);
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
}

TEST_F(CopyPlanTest, OneThatChangedOrIsNewIsRead) {
  FillAndRemember();
  listing_.files[2].mtime_ns += 1;
  AddFile("base/6", 9);
  const CopyPlan plan = Plan();
  EXPECT_EQ(plan.carried, (Flags{true, true, false, true, true, false}));
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
}

TEST_F(CopyPlanTest, OneThatWasWrittenAroundTheEarlierListingIsRead) {
  FillAndRemember();
  const CopyPlan plan = Plan({CompareReason::kNone, 500});
  EXPECT_EQ(plan.carried, Flags(5, false));
  EXPECT_EQ(plan.claims_unchanged, Flags(5, false));
  EXPECT_EQ(plan.reason, CompareReason::kNone) << "no reason to compare the others";
}

TEST_F(CopyPlanTest, AReasonToCompareReadsAllAndRemembersWhatStampsClaim) {
  FillAndRemember();
  listing_.files[0].mtime_ns += 1;
  const CopyPlan plan = Plan({CompareReason::kDue, kTrustedBefore});
  EXPECT_EQ(plan.reason, CompareReason::kDue);
  EXPECT_EQ(plan.carried, Flags(5, false));
  EXPECT_EQ(plan.claims_unchanged, (Flags{false, true, true, true, true}));
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
}

TEST_F(CopyPlanTest, AContradictionReadsAllAndIsNamed) {
  FillAndRemember();
  listing_.files[3].size += 1;
  const CopyPlan plan = Plan();
  EXPECT_EQ(plan.reason, CompareReason::kContradiction);
  EXPECT_EQ(plan.reason_detail, "base/4");
  EXPECT_EQ(plan.carried, Flags(5, false));
  EXPECT_EQ(plan.claims_unchanged, (Flags{true, true, true, false, true}));
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
  EXPECT_EQ(Plan({CompareReason::kAsked, kTrustedBefore}).reason, CompareReason::kAsked);
}

TEST_F(CopyPlanTest, FilesInLostPacksAreRead) {
  FillAndRemember();
  lost_ = {DigestOf(102)};  // of the middle of the long file
  CopyPlan plan = Plan();
  EXPECT_EQ(plan.carried, (Flags{true, false, true, true, true}));
  EXPECT_TRUE(plan.claims_unchanged[1]);
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
  lost_ = {DigestOf(1)};  // that all leaves lie in
  plan = Plan();
  EXPECT_EQ(plan.carried, (Flags{false, false, false, false, true}));
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
}

TEST_F(CopyPlanTest, LeavesThatNeedAPackToEmptyArePlannedAfterWhatChanged) {
  FillAndRemember();
  AddFile("base/6", 50);
  to_empty_ = {DigestOf(102), DigestOf(103), DigestOf(104)};
  const CopyPlan plan = Plan();
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
  ASSERT_EQ(plan.leaves.size(), 4u);
  EXPECT_FALSE(plan.leaves[0].only_to_empty);
  // By leaf: the middle and the end of the long file, and the leaf of the small ones.
  const sources::Slice& middle = plan.leaves[1].plan.slices.at(0);
  EXPECT_EQ(middle.file, 1u);
  EXPECT_EQ(middle.offset, uint64_t{kLeafUnitsMax} * kUnitBytes);
  EXPECT_EQ(middle.length, uint64_t{kLeafUnitsMax} * kUnitBytes);
  EXPECT_TRUE(middle.continued);
  const sources::Slice& end = plan.leaves[2].plan.slices.at(0);
  EXPECT_EQ(end.offset, 2 * uint64_t{kLeafUnitsMax} * kUnitBytes);
  EXPECT_EQ(end.length, 7 * kUnitBytes - 100);
  EXPECT_FALSE(end.continued);
  ASSERT_EQ(plan.leaves[3].plan.slices.size(), 2u);
  EXPECT_EQ(plan.leaves[3].plan.slices[0].file, 2u);
  EXPECT_EQ(plan.leaves[3].plan.slices[0].length, 3 * kUnitBytes);
  EXPECT_EQ(plan.leaves[3].plan.slices[1].file, 3u);
  EXPECT_EQ(plan.leaves[3].plan.slices[1].length, 100u);
}

TEST_F(CopyPlanTest, OfASharedLeafOnlyFilesThatAreCarriedAreEmptied) {
  FillAndRemember();
  listing_.files[2].mtime_ns += 1;
  to_empty_ = {DigestOf(104)};
  const CopyPlan plan = Plan();
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
  ASSERT_EQ(plan.leaves.size(), 2u);
  EXPECT_FALSE(plan.leaves[0].only_to_empty);
  ASSERT_EQ(plan.leaves[1].plan.slices.size(), 1u);
  EXPECT_EQ(plan.leaves[1].plan.slices[0].file, 3u);
}

TEST_F(CopyPlanTest, WhatIsReadAnywayIsNotPlannedToBeEmptiedToo) {
  FillAndRemember();
  for (uint8_t leaf = 0; leaf < 5; ++leaf)
    to_empty_.push_back(DigestOf(static_cast<uint8_t>(100 + leaf)));
  const CopyPlan plan = Plan({CompareReason::kAsked, kTrustedBefore});
  ASSERT_NO_FATAL_FAILURE(ExpectConsistent(plan));
  for (const PlannedLeaf& leaf : plan.leaves) EXPECT_FALSE(leaf.only_to_empty);
}

}  // namespace
}  // namespace pgcairn::commands
