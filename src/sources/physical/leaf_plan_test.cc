#include "sources/physical/leaf_plan.h"

#include <gtest/gtest.h>

namespace pgcairn::sources {
namespace {

postgres::DataFile FileOf(uint64_t size) {
  postgres::DataFile file;
  file.size = size;
  return file;
}

TEST(PlanLeaves, LargeFilesAreCutAndSmallOnesGathered) {
  // Leaves of four units of ten bytes.
  std::vector<postgres::DataFile> files{FileOf(15), FileOf(0),  FileOf(20),
                                        FileOf(95), FileOf(31), FileOf(10)};
  std::vector<LeafPlan> leaves = PlanLeaves(files, 10, 4);
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

TEST(PlanLeaves, EveryByteIsInExactlyOneSlice) {
  std::vector<postgres::DataFile> files;
  for (uint64_t size : {1u, 8192u, 8193u, 0u, 5'000'000u, 33'554'432u, 33'554'433u, 100'000'000u}) {
    files.push_back(FileOf(size));
  }
  std::vector<uint64_t> covered(files.size());
  for (const LeafPlan& leaf : PlanLeaves(files, 8192, 4096)) {
    uint64_t units = 0;
    for (const Slice& slice : leaf.slices) {
      EXPECT_EQ(slice.offset, covered[slice.file]);
      EXPECT_EQ(slice.offset % 8192, 0u);
      covered[slice.file] += slice.length;
      units += (slice.length - 1) / 8192 + 1;
    }
    EXPECT_LE(units, 4096u);
  }
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(covered[i], files[i].size);
}

}  // namespace
}  // namespace pgcairn::sources
