#include "sources/physical/leaf_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace pgcairn::sources {
namespace {

postgres::DataFile FileOf(uint64_t size) {
  postgres::DataFile file;
  file.size = size;
  return file;
}

std::vector<uint32_t> AllOf(const std::vector<postgres::DataFile>& files) {
  std::vector<uint32_t> all(files.size());
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

TEST(PlanLeaves, LargeFilesAreCutAndSmallOnesGathered) {
  // Leaves of four units of ten bytes, that any file of up to four units shares.
  std::vector<postgres::DataFile> files{FileOf(15), FileOf(0),  FileOf(20),
                                        FileOf(95), FileOf(31), FileOf(10)};
  std::vector<LeafPlan> leaves = PlanLeaves(files, AllOf(files), {10, 4, 4});
  ASSERT_EQ(leaves.size(), 6u);
  // File 3 is cut into 40 + 40 + 15 bytes; 15 and 20 bytes share a leaf (2 + 2 units).
  EXPECT_EQ(leaves[0].slices[0].length, 40u);
  EXPECT_TRUE(leaves[0].slices[0].continued);
  EXPECT_EQ(leaves[2].slices[0].offset, 80u);
  EXPECT_EQ(leaves[2].slices[0].length, 15u);
  EXPECT_FALSE(leaves[2].slices[0].continued);
  EXPECT_EQ(leaves[3].slices.size(), 2u);
  EXPECT_EQ(leaves[3].slices[1].file, 2u);
  // 31 bytes fill four units: 10 more bytes do not fit beside them.
  EXPECT_EQ(leaves[4].slices[0].file, 4u);
  EXPECT_EQ(leaves[5].slices[0].file, 5u);
}

TEST(PlanLeaves, FilesOfMoreUnitsThanMayBeGatheredHaveLeavesOfTheirOwn) {
  // Two units at most may be gathered; exactly two still are.
  std::vector<postgres::DataFile> files{FileOf(20), FileOf(21), FileOf(1), FileOf(40), FileOf(10)};
  std::vector<LeafPlan> leaves = PlanLeaves(files, AllOf(files), {10, 4, 2});
  ASSERT_EQ(leaves.size(), 3u);
  for (uint32_t alone : {1u, 3u}) {
    auto has = [&](const LeafPlan& leaf) { return leaf.slices[0].file == alone; };
    auto leaf = std::ranges::find_if(leaves, has);
    ASSERT_NE(leaf, leaves.end()) << alone;
    ASSERT_EQ(leaf->slices.size(), 1u) << alone;
    EXPECT_EQ(leaf->slices[0].length, files[alone].size);
    EXPECT_FALSE(leaf->slices[0].continued);
  }
  // The small ones share, whatever stands between them.
  ASSERT_EQ(leaves[2].slices.size(), 3u);
  EXPECT_EQ(leaves[2].slices[0].file, 0u);
  EXPECT_EQ(leaves[2].slices[1].file, 2u);
  EXPECT_EQ(leaves[2].slices[2].file, 4u);
}

TEST(PlanLeaves, OnlyWhatIsWantedIsPlanned) {
  std::vector<postgres::DataFile> files{FileOf(15), FileOf(95), FileOf(5), FileOf(95), FileOf(7)};
  std::vector<LeafPlan> leaves = PlanLeaves(files, {0, 3, 4}, {10, 4, 2});
  std::vector<uint64_t> covered(files.size());
  for (const LeafPlan& leaf : leaves) {
    for (const Slice& slice : leaf.slices) covered[slice.file] += slice.length;
  }
  EXPECT_EQ(covered, (std::vector<uint64_t>{15, 0, 0, 95, 7}));
  EXPECT_TRUE(PlanLeaves(files, {}, {10, 4, 2}).empty());
}

TEST(PlanLeaves, EveryByteIsInExactlyOneSlice) {
  std::vector<postgres::DataFile> files;
  for (uint64_t size : {1u, 8192u, 8193u, 0u, 1'048'576u, 1'048'577u, 5'000'000u, 33'554'432u,
                        33'554'433u, 100'000'000u}) {
    files.push_back(FileOf(size));
  }
  for (uint32_t gathered_units_max : {128u, 4096u}) {
    std::vector<uint64_t> covered(files.size());
    for (const LeafPlan& leaf : PlanLeaves(files, AllOf(files), {8192, 4096, gathered_units_max})) {
      uint64_t units = 0;
      for (const Slice& slice : leaf.slices) {
        EXPECT_EQ(slice.offset, covered[slice.file]);
        EXPECT_EQ(slice.offset % 8192, 0u);
        covered[slice.file] += slice.length;
        units += (slice.length - 1) / 8192 + 1;
        EXPECT_EQ(slice.continued, covered[slice.file] < files[slice.file].size);
      }
      EXPECT_LE(units, 4096u);
    }
    for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(covered[i], files[i].size);
  }
}

}  // namespace
}  // namespace pgcairn::sources
