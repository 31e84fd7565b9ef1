#include "postgres/backup_label.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

constexpr char kLabel[] =
    "START WAL LOCATION: 1A/900028 (file 000000020000001A00000009)\n"
    "CHECKPOINT LOCATION: 1A/900080\n"
    "BACKUP METHOD: streamed\n"
    "BACKUP FROM: primary\n"
    "START TIME: 2024-01-02 03:04:05 UTC\n"
    "LABEL: nightly: of Tuesday\n"
    "START TIMELINE: 2\n";

std::string With(std::string_view from, std::string_view to) {
  std::string text = kLabel;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(BackupLabel, EveryLineIsRead) {
  auto label = ParseBackupLabel(kLabel);
  ASSERT_TRUE(label.ok()) << label.error().message;
  EXPECT_EQ(label->start_lsn, (Lsn{0x1A00900028}));
  EXPECT_EQ(label->start_wal_file, "000000020000001A00000009");
  EXPECT_EQ(label->checkpoint_lsn, (Lsn{0x1A00900080}));
  EXPECT_EQ(label->timeline, TimelineId{2});
  EXPECT_FALSE(label->from_standby);
  EXPECT_EQ(label->start_time, "2024-01-02 03:04:05 UTC");
  EXPECT_EQ(label->label, "nightly: of Tuesday");
}

TEST(BackupLabel, Version13SaysMaster) {
  auto label = ParseBackupLabel(With("primary", "master"));
  ASSERT_TRUE(label.ok());
  EXPECT_FALSE(label->from_standby);
  EXPECT_TRUE(ParseBackupLabel(With("primary", "standby"))->from_standby);
}

TEST(BackupLabel, AMissingOrMalformedLineIsDamage) {
  for (std::string_view gone :
       {"CHECKPOINT LOCATION: 1A/900080\n", "BACKUP METHOD: streamed\n", "BACKUP FROM: primary\n",
        "START TIMELINE: 2\n", "LABEL: nightly: of Tuesday\n"}) {
    EXPECT_EQ(ParseBackupLabel(With(gone, "")).code(), Code::kDamaged) << gone;
  }
  EXPECT_EQ(ParseBackupLabel("").code(), Code::kDamaged);
  EXPECT_EQ(ParseBackupLabel(With("TIMELINE: 2\n", "TIMELINE: 2")).code(), Code::kDamaged);
  EXPECT_EQ(ParseBackupLabel(With("1A/900080", "1A-900080")).code(), Code::kDamaged);
  EXPECT_EQ(ParseBackupLabel(With("(file 0", "(file x")).code(), Code::kDamaged);
  EXPECT_EQ(ParseBackupLabel(With("primary", "somewhere")).code(), Code::kDamaged);
}

TEST(BackupLabel, TheTimelineMustFitTheWalFile) {
  EXPECT_EQ(ParseBackupLabel(With("TIMELINE: 2", "TIMELINE: 3")).code(), Code::kDamaged);
  EXPECT_EQ(ParseBackupLabel(With("TIMELINE: 2", "TIMELINE: 2x")).code(), Code::kDamaged);
}

TEST(BackupLabel, ALabelInjectedTwiceIsDamage) {
  EXPECT_EQ(ParseBackupLabel(std::string(kLabel) + "START TIMELINE: 2\n").code(), Code::kDamaged);
}

TEST(BackupLabel, RewoundAndIncrementalBackupsAreUnsupported) {
  EXPECT_EQ(ParseBackupLabel(With("streamed", "pg_rewind")).code(), Code::kUnsupported);
  EXPECT_EQ(ParseBackupLabel(std::string(kLabel) + "INCREMENTAL FROM LSN: 0/1\n").code(),
            Code::kUnsupported);
}

class LabelAgreement : public ::testing::Test {
 protected:
  Status Check(const BackupLabel& label) { return CheckAgreement(start_, label, stop_); }

  BackupStart start_{Lsn{0x1A00900028}, TimelineId{2}, 1 << 20, "nightly: of Tuesday"};
  Lsn stop_{0x1A00900100};
  BackupLabel label_ = *ParseBackupLabel(kLabel);
};

TEST_F(LabelAgreement, TheStartedBackupsLabelIsAccepted) {
  Status status = Check(label_);
  EXPECT_TRUE(status.ok()) << status.error().message;
}

TEST_F(LabelAgreement, AnotherStartIsDamage) {
  BackupLabel other = label_;
  other.start_lsn.value += 8;
  EXPECT_EQ(Check(other).code(), Code::kDamaged);
  other = label_;
  other.timeline = TimelineId{3};
  EXPECT_EQ(Check(other).code(), Code::kDamaged);
  other = label_;
  other.label = "weekly";
  EXPECT_EQ(Check(other).code(), Code::kDamaged);
  other = label_;
  other.from_standby = true;
  EXPECT_EQ(Check(other).code(), Code::kDamaged);
}

TEST_F(LabelAgreement, AnotherSegmentSizeIsDamage) {
  start_.wal_segment_size = 16 << 20;
  EXPECT_EQ(Check(label_).code(), Code::kDamaged);
}

TEST_F(LabelAgreement, TheCheckpointLiesBetweenStartAndStop) {
  BackupLabel early = label_;
  early.checkpoint_lsn = Lsn{start_.lsn.value - 8};
  EXPECT_EQ(Check(early).code(), Code::kDamaged);
  stop_ = label_.checkpoint_lsn;
  EXPECT_EQ(Check(label_).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::postgres
