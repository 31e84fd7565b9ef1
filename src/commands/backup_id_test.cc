#include "commands/backup_id.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/memory/memory_storage.h"

namespace pgcairn::commands {
namespace {

constexpr char kDrawnFirst[] = "20240101_020000-00aa";
constexpr char kDrawnThen[] = "20240101_020000-00ab";

class BackupIdTest : public ::testing::Test {
 protected:
  Status Take() {
    return TakeBackupId(
        storage_, names_,
        [&]() -> Result<std::string> {
          return std::string(drawn_++ == 0 ? kDrawnFirst : kDrawnThen);
        },
        [&](const std::string& id) {
          claimed_.push_back(id);
          return storage_.PutIfAbsent(names_.Lease(id), AsBytes("own"));
        });
  }

  storage::MemoryStorage storage_;
  const repository::ClusterNames names_{"main"};
  int drawn_ = 0;
  std::vector<std::string> claimed_;
};

TEST_F(BackupIdTest, TheFirstOneThatIsDrawnServesWhenNobodyHasIt) {
  ASSERT_TRUE(Take().ok());
  EXPECT_EQ(claimed_, std::vector<std::string>{kDrawnFirst});
}

TEST_F(BackupIdTest, WhatAnotherRunHasOrHadIsNotTaken) {
  for (const std::string& name :
       {names_.Lease(kDrawnFirst), names_.Manifest(kDrawnFirst), names_.References(kDrawnFirst),
        names_.Checkpoint(kDrawnFirst, 0)}) {
    ASSERT_TRUE(storage_.PutIfAbsent(name, AsBytes("another's")).ok());
    drawn_ = 0;
    claimed_.clear();
    ASSERT_TRUE(Take().ok());
    EXPECT_EQ(claimed_, std::vector<std::string>{kDrawnThen}) << name;
    ASSERT_TRUE(storage_.Delete(name).ok());
    ASSERT_TRUE(storage_.Delete(names_.Lease(kDrawnThen)).ok());
  }
}

TEST_F(BackupIdTest, AnotherRunThatIsFasterKeepsItsLease) {
  int claims = 0;
  Status taken = TakeBackupId(
      storage_, names_,
      [&]() -> Result<std::string> {
        return std::string(drawn_++ == 0 ? kDrawnFirst : kDrawnThen);
      },
      [&](const std::string& id) -> Status {
        claimed_.push_back(id);
        if (claims++ == 0) return Error{Code::kAlreadyExists, "another run has it", ""};
        return {};
      });
  EXPECT_TRUE(taken.ok());
  EXPECT_EQ(claimed_, (std::vector<std::string>{kDrawnFirst, kDrawnThen}));
}

TEST_F(BackupIdTest, AnyOtherErrorEndsIt) {
  Status taken = TakeBackupId(
      storage_, names_, [&]() -> Result<std::string> { return std::string(kDrawnFirst); },
      [&](const std::string&) -> Status {
        return Error{Code::kNoSpace, "no room", ""};
      });
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.code(), Code::kNoSpace);
}

}  // namespace
}  // namespace pgcairn::commands
