#include "commands/clock_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "commands/testing/small_repository.h"
#include "storage/memory/memory_storage.h"

namespace pgcairn::commands {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr Timestamp kBefore{int64_t{1'700'000'000} * kSecondUs};
constexpr Timestamp kAfter{kBefore.unix_us + 2 * kSecondUs};

Timestamp Plus(Timestamp moment, int64_t us) { return {moment.unix_us + us}; }

ClockReading Reading(Timestamp shown) { return {"the server's clock", kBefore, shown, kAfter}; }

// A storage whose clock goes wrong by `off_us`.
class OffStorage : public storage::MemoryStorage {
 public:
  explicit OffStorage(int64_t off_us) : off_us_(off_us) {}
  Result<storage::ObjectInfo> Stat(std::string_view name) override {
    ASSIGN_OR_RETURN(storage::ObjectInfo info, MemoryStorage::Stat(name));
    info.stored_at.unix_us += off_us_;
    return info;
  }

 private:
  int64_t off_us_;
};

TEST(ClockCheck, ATimeShownWhileItWasAskedForIsRightHoweverLongThatTook) {
  EXPECT_EQ(Reading(kBefore).AheadUs(), 0);
  EXPECT_EQ(Reading(kAfter).AheadUs(), 0);
  EXPECT_EQ(Reading(Plus(kAfter, 7)).AheadUs(), 7);
  EXPECT_EQ(Reading(Plus(kBefore, -7)).AheadUs(), -7);
}

TEST(ClockCheck, SecondsAreAWarningAndMinutesAnErrorInBothDirections) {
  EXPECT_EQ(JudgeClock(Reading(Plus(kAfter, kClockToleranceUs))).severity, Severity::kOk);
  EXPECT_EQ(JudgeClock(Reading(Plus(kBefore, -kClockToleranceUs))).severity, Severity::kOk);
  EXPECT_EQ(JudgeClock(Reading(Plus(kAfter, kClockToleranceUs + 1))).severity, Severity::kWarning);
  EXPECT_EQ(JudgeClock(Reading(Plus(kBefore, -kClockErrorUs))).severity, Severity::kWarning);
  Finding ahead = JudgeClock(Reading(Plus(kAfter, 3 * 3600 * kSecondUs)));
  EXPECT_EQ(ahead.severity, Severity::kError);
  EXPECT_NE(ahead.message.find("the server's clock is 3 h 0 min ahead of this host's"),
            std::string::npos);
  EXPECT_FALSE(ahead.remedy.empty());
  Finding behind = JudgeClock(Reading(Plus(kBefore, -int64_t{10} * 86'400 * kSecondUs)));
  EXPECT_EQ(behind.severity, Severity::kError);
  EXPECT_NE(behind.message.find("10 days behind"), std::string::npos);
}

TEST(ClockCheck, WhatWasWrittenInTheFutureIsNamedAndThePastSaysNothing) {
  EXPECT_FALSE(JudgeMoment("the backup ended on", kBefore, kAfter).has_value());
  EXPECT_FALSE(
      JudgeMoment("the backup ended on", Plus(kAfter, kClockToleranceUs), kAfter).has_value());
  std::optional<Finding> soon =
      JudgeMoment("the backup ended on", Plus(kAfter, kClockToleranceUs + 1), kAfter);
  ASSERT_TRUE(soon.has_value());
  EXPECT_EQ(soon->severity, Severity::kWarning);
  std::optional<Finding> late =
      JudgeMoment("the backup ended on", Plus(kAfter, kClockErrorUs + 1), kAfter);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->severity, Severity::kError);
}

TEST(ClockCheck, TheStoragesClockIsReadFromAScratchObjectThatIsGoneAfterwards) {
  OffStorage right(0);
  OffStorage wrong(-2 * kClockErrorUs);
  Result<ClockReading> reading = ReadStorageClock(right);
  ASSERT_TRUE(reading.ok());
  EXPECT_EQ(reading->AheadUs(), 0);
  EXPECT_TRUE(right.List("")->objects.empty());
  reading = ReadStorageClock(wrong);
  ASSERT_TRUE(reading.ok());
  EXPECT_EQ(JudgeClock(*reading).severity, Severity::kError);
}

TEST(ClockCheck, TheNewestTransactionIsFoundBehindSegmentsThatHoldNone) {
  testing::SmallRepository repository;
  auto push = [&](uint64_t number, std::optional<Timestamp> ended) {
    format::WalInfo info;
    if (ended) info.mutable_summary()->set_max_time_us(ended->unix_us);
    Bytes segment = testing::SmallRepository::Segment(2, number, repository.system());
    repository.PushWal(fmt::format("0000000200000000{:08X}", number), segment, std::move(info));
  };
  // Long after the backups of 2024.
  const Timestamp now = Timestamp::FromUnixSeconds(1'900'000'000);
  push(9, Plus(now, -kSecondUs));
  EXPECT_TRUE(FindWhatLiesAhead(repository.cluster(), now)->empty());
  push(10, Plus(now, kClockErrorUs + 1));
  push(11, std::nullopt);
  Result<std::vector<Finding>> found = FindWhatLiesAhead(repository.cluster(), now);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().severity, Severity::kError);
  EXPECT_NE(found->front().message.find("00000002000000000000000A"), std::string::npos);
}

TEST(ClockCheck, ABackupThatEndedInTheFutureIsNamed) {
  testing::SmallRepository repository;
  const Timestamp now = Timestamp::FromUnixSeconds(1'900'000'000);
  constexpr char kId[] = "20240105_020000-0005";
  repository.CommitSharing(kId, [&](format::Manifest& manifest) {
    manifest.set_stop_time_us(Plus(now, kClockErrorUs + 1).unix_us);
  });
  Result<std::vector<Finding>> found = FindWhatLiesAhead(repository.cluster(), now);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_NE(found->front().message.find(kId), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::commands
