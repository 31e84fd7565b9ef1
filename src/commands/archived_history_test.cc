#include "commands/archived_history.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr char kHistory[] = "1\t0/3000000\tbefore 2024-01-01 12:00:00+00\n";

class ArchivedHistoryTest : public ::testing::Test {
 protected:
  Status Archive(uint32_t timeline) {
    return ArchiveHistory(wal_, postgres::TimelineId{timeline}, pg_wal_.path(), 1);
  }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(WriteFileDurably(pg_wal_.path() + "/" + name, AsBytes(text)).ok());
  }
  std::vector<std::string> Archived() { return wal_.ListHistories().value(); }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_{*cluster_.access, 0x5EED};
  storage::ScratchDirectory pg_wal_;
};

TEST_F(ArchivedHistoryTest, IsThatOfTheTimelineAndNoOther) {
  Write("00000002.history", "another's");
  Write("00000003.history", kHistory);
  ASSERT_TRUE(Archive(3).ok());
  EXPECT_EQ(Archived(), std::vector<std::string>{"00000003.history"});
  EXPECT_EQ(ToString(wal_.Fetch("00000003.history")->bytes), kHistory);
  EXPECT_TRUE(Archive(3).ok()) << "and may be there already";
}

TEST_F(ArchivedHistoryTest, TheFirstTimelineAndAFolderWithoutItHaveNone) {
  Write("00000001.history", kHistory);
  EXPECT_TRUE(Archive(1).ok());
  EXPECT_TRUE(Archive(2).ok());
  EXPECT_TRUE(Archived().empty());
}

TEST_F(ArchivedHistoryTest, OfTwoServersThatBeganOneTimelineTheSecondIsRefused) {
  Write("00000002.history", kHistory);
  ASSERT_TRUE(Archive(2).ok());
  Write("00000002.history", "1\t0/4000000\tbefore 2024-01-02 12:00:00+00\n");
  EXPECT_EQ(Archive(2).code(), Code::kRefused);
  EXPECT_EQ(ToString(wal_.Fetch("00000002.history")->bytes), kHistory);
}

TEST_F(ArchivedHistoryTest, OneThatCannotBeReadIsAnError) {
  ASSERT_TRUE(MakeDirectories(pg_wal_.path() + "/00000002.history").ok());
  EXPECT_FALSE(Archive(2).ok());
  EXPECT_TRUE(Archived().empty());
}

}  // namespace
}  // namespace pgcairn::commands
