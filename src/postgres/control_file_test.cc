#include "postgres/control_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "postgres/crc32c.h"
#include "postgres/testing/control_file_samples.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

using testing::ControlFileSample;
using testing::kControlFileSamples;
using testing::ScratchCluster;

Bytes FileOf(const ControlFileSample& sample) {
  Bytes bytes = *FromHex(sample.hex);
  bytes.resize(kControlFileSize);
  return bytes;
}

Bytes FileOf15() { return FileOf(kControlFileSamples[2]); }

void SetCrc(Bytes& bytes) { StoreLe(bytes.data() + 288, Crc32c(ByteView(bytes).first(288))); }

TEST(ControlFileTest, ReadsEveryMajorVersion) {
  for (const ControlFileSample& sample : kControlFileSamples) {
    SCOPED_TRACE(sample.major_version);
    auto control = ParseControlFile(FileOf(sample));
    ASSERT_TRUE(control.ok()) << control.error().message;
    EXPECT_EQ(control->major_version, sample.major_version);
    EXPECT_EQ(control->control_version, sample.control_version);
    EXPECT_EQ(control->catalog_version, sample.catalog_version);
    EXPECT_EQ(control->system_identifier.value, sample.system_identifier);
    EXPECT_EQ(control->checkpoint.ToText(), sample.checkpoint);
    EXPECT_EQ(control->checkpoint_redo.ToText(), sample.checkpoint_redo);
    EXPECT_EQ(control->next_xid, sample.next_xid);
    EXPECT_EQ(control->next_oid, sample.next_oid);
    EXPECT_EQ(control->checkpoint_time_s, sample.checkpoint_time_s);
    EXPECT_EQ(control->checkpoint_timeline.value, 1U);
    EXPECT_EQ(control->previous_timeline.value, 1U);
    EXPECT_EQ(control->state, ClusterState::kInProduction);
    EXPECT_TRUE(control->full_page_writes);
    EXPECT_EQ(control->wal_level, WalLevel::kLogical);
    EXPECT_TRUE(control->wal_log_hints);
    EXPECT_TRUE(control->track_commit_timestamp);
    EXPECT_EQ(control->max_connections, 37U);
    EXPECT_EQ(control->max_worker_processes, 11U);
    EXPECT_EQ(control->max_wal_senders, 7U);
    EXPECT_EQ(control->max_prepared_xacts, 5U);
    EXPECT_EQ(control->max_locks_per_xact, 99U);
    EXPECT_EQ(control->block_size, 8192U);
    EXPECT_EQ(control->relseg_size_pages, 131072U);
    EXPECT_EQ(control->wal_block_size, 8192U);
    EXPECT_EQ(control->wal_segment_size, 1U << 20);
    EXPECT_TRUE(control->data_checksums());
    EXPECT_EQ(control->minimum_recovery_point, Lsn{});
    EXPECT_EQ(TablespaceVersionDirectory(*control), "PG_" + std::to_string(sample.major_version) +
                                                        "_" +
                                                        std::to_string(sample.catalog_version));
  }
}

TEST(ControlFileTest, AChangeOfAnyUsedByteIsNoticed) {
  for (const ControlFileSample& sample : kControlFileSamples) {
    size_t used = sample.major_version == 18 ? 296 : 292;
    for (size_t at = 0; at < used; ++at) {
      Bytes bytes = FileOf(sample);
      bytes[at] ^= 0x10;
      auto control = ParseControlFile(bytes);
      ASSERT_FALSE(control.ok()) << at;
      // Where the format itself is in doubt, nobody can say where the CRC lies.
      bool control_version = at >= 8 && at < 12;
      EXPECT_EQ(control.code(), control_version ? Code::kUnsupported : Code::kDamaged) << at;
    }
  }
}

TEST(ControlFileTest, ShortFilesAreDamaged) {
  Bytes bytes = FileOf15();
  for (size_t size : {0, 1, 291, 511}) {
    EXPECT_EQ(ParseControlFile(ByteView(bytes).first(size)).code(), Code::kDamaged);
  }
}

// Each with a CRC that is right.
TEST(ControlFileTest, WhatPgcairnCannotHandleIsSaidToBeUnsupported) {
  auto parse = [](size_t at, auto value) {
    Bytes bytes = FileOf15();
    StoreLe(bytes.data() + at, value);
    SetCrc(bytes);
    return ParseControlFile(bytes);
  };
  EXPECT_EQ(parse(8, uint32_t{1201}).code(), Code::kUnsupported);
  EXPECT_EQ(parse(12, uint32_t{202209062}).code(), Code::kUnsupported);
  EXPECT_EQ(parse(12, uint32_t{202506291}).code(), Code::kUnsupported);
  EXPECT_EQ(parse(204, uint32_t{4}).code(), Code::kUnsupported);
  EXPECT_EQ(parse(208, 1.0).code(), Code::kUnsupported);
  auto block_size = parse(216, uint32_t{16384});
  EXPECT_EQ(block_size.code(), Code::kUnsupported);
  EXPECT_NE(block_size.error().message.find("16384"), std::string::npos);
  EXPECT_EQ(parse(252, uint32_t{2}).code(), Code::kUnsupported);

  EXPECT_EQ(parse(16, uint32_t{7}).code(), Code::kDamaged);
  EXPECT_EQ(parse(172, uint32_t{3}).code(), Code::kDamaged);
  EXPECT_EQ(parse(220, uint32_t{0}).code(), Code::kDamaged);
  EXPECT_EQ(parse(224, uint32_t{1000}).code(), Code::kDamaged);
  EXPECT_EQ(parse(228, uint32_t{1 << 19}).code(), Code::kDamaged);
  EXPECT_EQ(parse(228, uint32_t{3 << 20}).code(), Code::kDamaged);
}

TEST(ControlFileTest, AFileThatIsBeingWrittenIsReadAgain) {
  int reads = 0;
  auto read = [&]() -> Result<Bytes> {
    Bytes bytes = FileOf15();
    if (++reads < 4) bytes[100] ^= static_cast<uint8_t>(reads);
    return bytes;
  };
  auto got = ReadControlFileFrom(read, "pg_control");
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(reads, 4);
  EXPECT_EQ(got->bytes, FileOf15());
  EXPECT_EQ(got->control.major_version, 15);
}

TEST(ControlFileTest, TwoEqualWrongReadsEndTheReading) {
  for (size_t size : {size_t{0}, size_t{4096}, kControlFileSize}) {
    int reads = 0;
    auto read = [&]() -> Result<Bytes> {
      ++reads;
      Bytes bytes = FileOf15();
      bytes[300 - 20] ^= size == kControlFileSize ? 1 : 0;
      bytes.resize(size);
      return bytes;
    };
    auto got = ReadControlFileFrom(read, "the place");
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.code(), Code::kDamaged);
    EXPECT_EQ(got.error().message.find("reading the place"), 0U) << got.error().message;
    EXPECT_EQ(reads, 2);
  }
}

TEST(ControlFileTest, ADirectoryWithoutItIsNotFound) {
  EXPECT_EQ(ReadControlFile("/nonexistent").code(), Code::kNotFound);
}

// What pg_controldata prints, by its labels.
std::map<std::string, std::string> RunControlData(ScratchCluster& cluster) {
  std::map<std::string, std::string> fields;
  auto run = cluster.Run({"pg_controldata", "-D", cluster.data_directory()});
  if (!run.ok()) return fields;
  std::string_view rest = run->out;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 2);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    fields[std::string(line.substr(0, colon))] = value;
  }
  return fields;
}

void ExpectSameAsControlData(ScratchCluster& cluster) {
  auto read = ReadControlFile(cluster.data_directory());
  ASSERT_TRUE(read.ok()) << read.error().message;
  const ControlFile& control = read->control;
  auto fields = RunControlData(cluster);
  auto number = [](auto value) { return std::to_string(value); };
  EXPECT_EQ(fields["pg_control version number"], number(control.control_version));
  EXPECT_EQ(fields["Catalog version number"], number(control.catalog_version));
  EXPECT_EQ(fields["Database system identifier"], number(control.system_identifier.value));
  EXPECT_EQ(fields["Latest checkpoint location"], control.checkpoint.ToText());
  EXPECT_EQ(fields["Latest checkpoint's REDO location"], control.checkpoint_redo.ToText());
  EXPECT_EQ(fields["Latest checkpoint's TimeLineID"], number(control.checkpoint_timeline.value));
  EXPECT_EQ(fields["Latest checkpoint's PrevTimeLineID"], number(control.previous_timeline.value));
  EXPECT_EQ(fields["Latest checkpoint's full_page_writes"],
            control.full_page_writes ? "on" : "off");
  EXPECT_EQ(fields["Latest checkpoint's NextXID"],
            number(control.next_xid >> 32) + ":" + number(control.next_xid & 0xFFFFFFFF));
  EXPECT_EQ(fields["Latest checkpoint's NextOID"], number(control.next_oid));
  EXPECT_EQ(fields["Minimum recovery ending location"], control.minimum_recovery_point.ToText());
  EXPECT_EQ(fields["Min recovery ending loc's timeline"],
            number(control.minimum_recovery_timeline.value));
  EXPECT_EQ(fields["Backup start location"], control.backup_start_point.ToText());
  EXPECT_EQ(fields["Backup end location"], control.backup_end_point.ToText());
  EXPECT_EQ(fields["End-of-backup record required"], control.backup_end_required ? "yes" : "no");
  EXPECT_EQ(fields["wal_level setting"], control.wal_level == WalLevel::kMinimal   ? "minimal"
                                         : control.wal_level == WalLevel::kReplica ? "replica"
                                                                                   : "logical");
  EXPECT_EQ(fields["wal_log_hints setting"], control.wal_log_hints ? "on" : "off");
  EXPECT_EQ(fields["max_connections setting"], number(control.max_connections));
  EXPECT_EQ(fields["max_worker_processes setting"], number(control.max_worker_processes));
  EXPECT_EQ(fields["max_wal_senders setting"], number(control.max_wal_senders));
  EXPECT_EQ(fields["max_prepared_xacts setting"], number(control.max_prepared_xacts));
  EXPECT_EQ(fields["max_locks_per_xact setting"], number(control.max_locks_per_xact));
  EXPECT_EQ(fields["track_commit_timestamp setting"],
            control.track_commit_timestamp ? "on" : "off");
  EXPECT_EQ(fields["Database block size"], number(control.block_size));
  EXPECT_EQ(fields["Blocks per segment of large relation"], number(control.relseg_size_pages));
  EXPECT_EQ(fields["WAL block size"], number(control.wal_block_size));
  EXPECT_EQ(fields["Bytes per WAL segment"], number(control.wal_segment_size));
  EXPECT_EQ(fields["Data page checksum version"], number(control.data_checksum_version));
  const std::map<ClusterState, std::string> states = {
      {ClusterState::kStartingUp, "starting up"},
      {ClusterState::kShutDown, "shut down"},
      {ClusterState::kShutDownInRecovery, "shut down in recovery"},
      {ClusterState::kShuttingDown, "shutting down"},
      {ClusterState::kInCrashRecovery, "in crash recovery"},
      {ClusterState::kInArchiveRecovery, "in archive recovery"},
      {ClusterState::kInProduction, "in production"}};
  EXPECT_EQ(fields["Database cluster state"], states.at(control.state));
}

TEST(ControlFileTest, SaysWhatPgControldataSaysOfARealCluster) {
  auto made = ScratchCluster::Create({.initdb_arguments = {"--wal-segsize=4"}});
  ASSERT_TRUE(made.ok()) << made.error().message;
  ScratchCluster& cluster = **made;
  ExpectSameAsControlData(cluster);
  ASSERT_TRUE(cluster.Start().ok()) << cluster.ServerLog();
  ExpectSameAsControlData(cluster);
  auto read = ReadControlFile(cluster.data_directory());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->control.state, ClusterState::kInProduction);
  EXPECT_FALSE(read->control.data_checksums());
  auto times = cluster.Sql(
      "SELECT extract(epoch FROM pg_control_last_modified)::bigint, "
      "extract(epoch FROM checkpoint_time)::bigint FROM pg_control_system(), "
      "pg_control_checkpoint()");
  ASSERT_TRUE(times.ok()) << times.error().message;
  EXPECT_EQ(*times, std::to_string(read->control.update_time_s) + "|" +
                        std::to_string(read->control.checkpoint_time_s));
}

// A real cluster leaves many fields at 0 or at equal values; rubbish does not.
TEST(ControlFileTest, SaysWhatPgControldataSaysOfRandomValues) {
  auto made = ScratchCluster::Create({.initdb_arguments = {}});
  ASSERT_TRUE(made.ok()) << made.error().message;
  ScratchCluster& cluster = **made;
  auto read = ReadControlFile(cluster.data_directory());
  ASSERT_TRUE(read.ok()) << read.error().message;
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Bytes bytes = read->bytes;
    auto fill = [&](size_t from, size_t to) {
      for (size_t at = from; at < to; ++at) bytes[at] = static_cast<uint8_t>(random());
    };
    fill(0, 8);
    fill(32, 56);
    fill(60, 104);
    fill(112, 168);
    // Counts are signed for PostgreSQL.
    for (size_t at = 180; at < 200; at += 4)
      StoreLe(bytes.data() + at, static_cast<uint32_t>(random() >> 1));
    bytes[16] = static_cast<uint8_t>(random() % 7);
    for (size_t at : {56, 168, 176, 200}) bytes[at] = static_cast<uint8_t>(random() % 2);
    bytes[172] = static_cast<uint8_t>(random() % 3);
    SetCrc(bytes);
    std::string path = cluster.data_directory() + "/" + kControlFilePath;
    auto fd = Open(path, O_WRONLY);
    ASSERT_TRUE(fd.ok());
    ASSERT_TRUE(WriteAt(fd->get(), bytes, 0, path).ok());
    ExpectSameAsControlData(cluster);
  }
}

}  // namespace
}  // namespace pgcairn::postgres
