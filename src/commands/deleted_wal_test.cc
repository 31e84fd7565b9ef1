#include "commands/deleted_wal.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace pgcairn::commands {
namespace {

constexpr uint64_t kDeletedSegmentBytes = 1 << 20;

struct NumberRun {
  uint32_t timeline;
  uint64_t first;
  uint64_t last;
};

repository::Deletions DeletionsOf(const std::vector<NumberRun>& runs, uint64_t system = 1) {
  repository::Deletions deletions;
  for (const NumberRun& run : runs) {
    format::DeletedSegments* wal = deletions.records.emplace_back().add_wal();
    wal->set_system_identifier(system);
    wal->set_first(postgres::WalSegmentName({{run.timeline}, run.first}, kDeletedSegmentBytes));
    wal->set_last(postgres::WalSegmentName({{run.timeline}, run.last}, kDeletedSegmentBytes));
  }
  return deletions;
}

DeletedWal Deleted(const std::vector<NumberRun>& runs) {
  return DeletedWal::Of(DeletionsOf(runs), {1}, kDeletedSegmentBytes);
}

std::string Lost(const DeletedWal& deleted, uint32_t timeline, uint64_t first, uint64_t count) {
  std::string text;
  for (const Archive::Gap& gap : deleted.LostOf({{{timeline}, first}, count})) {
    text += std::to_string(gap.first.number) + "+" + std::to_string(gap.count) + " ";
  }
  return text;
}

TEST(DeletedWal, WithoutRecordsEverythingThatIsMissingIsLost) {
  EXPECT_EQ(Lost(DeletedWal(), 1, 3, 4), "3+4 ");
  EXPECT_FALSE(DeletedWal().Holds({{1}, 3}));
}

TEST(DeletedWal, TheRestOfAGapIsLost) {
  DeletedWal deleted = Deleted({{1, 10, 19}, {1, 30, 39}});
  EXPECT_EQ(Lost(deleted, 1, 10, 10), "");
  EXPECT_EQ(Lost(deleted, 1, 5, 40), "5+5 20+10 40+5 ");
  EXPECT_EQ(Lost(deleted, 1, 15, 17), "20+10 ");
  EXPECT_EQ(Lost(deleted, 1, 20, 10), "20+10 ");
  EXPECT_EQ(Lost(deleted, 2, 10, 10), "10+10 ") << "another timeline";
  EXPECT_TRUE(deleted.Holds({{1}, 19}));
  EXPECT_FALSE(deleted.Holds({{1}, 20}));
}

TEST(DeletedWal, OtherClustersAndRunsThatMakeNoSenseSayNothing) {
  DeletedWal other = DeletedWal::Of(DeletionsOf({{1, 10, 19}}, 2), {1}, kDeletedSegmentBytes);
  EXPECT_FALSE(other.Holds({{1}, 10}));
  repository::Deletions deletions = DeletionsOf({{1, 10, 19}, {1, 25, 20}});
  deletions.records[0].mutable_wal(0)->set_last("00000002.history");
  DeletedWal deleted = DeletedWal::Of(deletions, {1}, kDeletedSegmentBytes);
  EXPECT_EQ(Lost(deleted, 1, 0, 50), "0+50 ");
}

TEST(DeletedWal, AgreesWithASetOfNumbers) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<NumberRun> runs;
    std::set<uint64_t> numbers;
    for (uint64_t i = 0; i < random() % 12; ++i) {
      uint64_t first = random() % 60;
      uint64_t last = first + random() % 9;
      runs.push_back({1, first, last});
      for (uint64_t number = first; number <= last; ++number) numbers.insert(number);
    }
    DeletedWal deleted = Deleted(runs);
    for (uint64_t number = 0; number < 75; ++number) {
      ASSERT_EQ(deleted.Holds({{1}, number}), numbers.contains(number)) << number;
    }
    std::set<uint64_t> lost;
    for (const Archive::Gap& gap : deleted.LostOf({{{1}, 0}, 75})) {
      for (uint64_t i = 0; i < gap.count; ++i) {
        ASSERT_TRUE(lost.insert(gap.first.number + i).second);
      }
    }
    ASSERT_EQ(lost.size() + numbers.size(), 75u);
  }
}

}  // namespace
}  // namespace pgcairn::commands
