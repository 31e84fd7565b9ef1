#include "commands/unchanged_files.h"

#include <gtest/gtest.h>

#include <set>

namespace pgcairn::commands {
namespace {

constexpr int64_t kOneSecondInUs = 1'000'000;
constexpr int64_t kOneDayInUs = 86'400 * kOneSecondInUs;
constexpr int64_t kNowUs = 1'700'000'000 * kOneSecondInUs;

// Began, listed its files five seconds later, ended an hour later; on timeline 3.
format::Manifest Earlier() {
  format::Manifest earlier;
  earlier.set_timeline(3);
  earlier.set_started_at_us(kNowUs - 2 * kOneDayInUs);
  earlier.set_listed_at_us(kNowUs - 2 * kOneDayInUs + 5 * kOneSecondInUs);
  earlier.set_finished_at_us(kNowUs - 2 * kOneDayInUs + 3600 * kOneSecondInUs);
  earlier.set_compared_at_us(kNowUs - 10 * kOneDayInUs);
  return earlier;
}

StampFacts Now() {
  StampFacts facts;
  facts.now = {kNowUs};
  facts.timeline = 3;
  return facts;
}

TEST(JudgeStamps, TheyAreTrustedWhenNothingSpeaksAgainstThem) {
  EXPECT_EQ(JudgeStamps(Earlier(), Now()), CompareReason::kNone);
}

TEST(JudgeStamps, WhoAsksForAComparisonGetsOne) {
  StampFacts facts = Now();
  facts.asked = true;
  EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kAsked);
}

TEST(JudgeStamps, AnotherTimelineIsCompared) {
  StampFacts facts = Now();
  for (uint32_t timeline : {2u, 4u}) {
    facts.timeline = timeline;
    EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kTimeline);
  }
}

TEST(JudgeStamps, AClockThatWentBackIsCompared) {
  format::Manifest earlier = Earlier();
  StampFacts facts = Now();
  facts.now = {earlier.finished_at_us()};
  EXPECT_EQ(JudgeStamps(earlier, facts), CompareReason::kNone);
  --facts.now.unix_us;
  EXPECT_EQ(JudgeStamps(earlier, facts), CompareReason::kClock);
}

TEST(JudgeStamps, AComparisonIsDueAfterSoManyDays) {
  StampFacts facts = Now();
  facts.compare_days = 10;
  EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kDue);
  --facts.now.unix_us;
  EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kNone);
  facts.now.unix_us += 1;
  facts.compare_days = 11;
  EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kNone);
  facts.compare_days = 0;
  facts.now.unix_us += 10'000 * kOneDayInUs;
  EXPECT_EQ(JudgeStamps(Earlier(), facts), CompareReason::kNone) << "0 is never";
}

TEST(JudgeStamps, EachReasonHasItsNameAndItsSentence) {
  std::set<std::string> names;
  std::set<std::string> sentences;
  const std::vector<CompareReason> all{CompareReason::kNone,  CompareReason::kAsked,
                                       CompareReason::kDue,   CompareReason::kTimeline,
                                       CompareReason::kClock, CompareReason::kContradiction};
  for (CompareReason reason : all) {
    names.insert(NameOf(reason));
    sentences.insert(Explain(reason, "base/5/16384"));
  }
  EXPECT_EQ(names.size(), all.size());
  EXPECT_EQ(sentences.size(), all.size());
  EXPECT_FALSE(names.contains("") || sentences.contains(""));
  EXPECT_NE(Explain(CompareReason::kContradiction, "base/5/16384").find("base/5/16384"),
            std::string::npos);
}

constexpr int64_t kTrustedBeforeUs = 1'700'000'000'000'000'000;

postgres::DataFile FileOf() {
  postgres::DataFile file;
  file.path = "base/5/16384";
  file.size = 81'920;
  file.mtime_ns = kTrustedBeforeUs - 1'000;
  file.ctime_ns = kTrustedBeforeUs - 500;
  file.inode = 77;
  return file;
}

repository::StreamEntry EntryOf() {
  repository::StreamEntry entry;
  entry.size = FileOf().size;
  entry.mtime_ns = FileOf().mtime_ns;
  entry.ctime_ns = FileOf().ctime_ns;
  entry.inode = FileOf().inode;
  return entry;
}

TEST(IsUnchanged, TheSameStampsFromWellBeforeTheEarlierBackupAre) {
  EXPECT_TRUE(IsUnchanged(FileOf(), EntryOf(), kTrustedBeforeUs));
}

TEST(IsUnchanged, AnyStampThatDiffersIsAChange) {
  auto changed = [](auto change) {
    postgres::DataFile file = FileOf();
    change(file);
    return !IsUnchanged(file, EntryOf(), kTrustedBeforeUs);
  };
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.size += 1; }));
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.size -= 1; }));
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.mtime_ns += 1; }));
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.mtime_ns -= 1; })) << "older is other too";
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.ctime_ns += 1; }));
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.ctime_ns -= 1; }));
  EXPECT_TRUE(changed([](postgres::DataFile& f) { f.inode += 1; }));
}

TEST(IsUnchanged, AFileWhoseTimesAreNotOlderThanTheEarlierBackupIsRead) {
  // Changed in the tick of the listing, or with a time in the future.
  for (int64_t later : {int64_t{0}, int64_t{1}, int64_t{3'600'000'000'000}}) {
    postgres::DataFile file = FileOf();
    repository::StreamEntry entry = EntryOf();
    file.mtime_ns = entry.mtime_ns = kTrustedBeforeUs + later;
    EXPECT_FALSE(IsUnchanged(file, entry, kTrustedBeforeUs)) << later;
    file = FileOf();
    entry = EntryOf();
    file.ctime_ns = entry.ctime_ns = kTrustedBeforeUs + later;
    EXPECT_FALSE(IsUnchanged(file, entry, kTrustedBeforeUs)) << later;
  }
}

TEST(TrustedBefore, LiesWellBeforeTheBeginAndTheListing) {
  format::Manifest earlier = Earlier();
  EXPECT_EQ(TrustedBeforeNs(earlier), (earlier.started_at_us() - 3 * kOneSecondInUs) * 1000);
  // By the clock of the file system, which is behind the host's.
  earlier.set_listed_at_us(earlier.started_at_us() - 60 * kOneSecondInUs);
  EXPECT_EQ(TrustedBeforeNs(earlier), (earlier.started_at_us() - 63 * kOneSecondInUs) * 1000);
}

TEST(Contradicts, TheSameTimesAndAnotherSizeDo) {
  EXPECT_FALSE(Contradicts(FileOf(), EntryOf()));
  postgres::DataFile file = FileOf();
  file.size = 8192;
  EXPECT_TRUE(Contradicts(file, EntryOf()));
  postgres::DataFile later = file;
  ++later.mtime_ns;
  EXPECT_FALSE(Contradicts(later, EntryOf()));
  later = file;
  ++later.ctime_ns;
  EXPECT_FALSE(Contradicts(later, EntryOf()));
  later = file;
  ++later.inode;
  EXPECT_FALSE(Contradicts(later, EntryOf()));
}

}  // namespace
}  // namespace pgcairn::commands
