#include "postgres/backup_session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "postgres/server_facts.h"
#include "postgres/tablespace_map.h"
#include "postgres/testing/fake_pooler.h"
#include "postgres/testing/scratch_cluster.h"
#include "postgres/wal_switch.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

using testing::ScratchCluster;
using testing::ScratchOptions;

constexpr uint64_t kSegment = 1 << 20;

class BackupSessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ScratchOptions options;
    options.initdb_arguments = {"--wal-segsize=1"};
    auto cluster = ScratchCluster::Create(options);
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static Connection MustOpen(const std::string& conninfo) {
    auto connection = Connection::Open(conninfo, "pgcairn test");
    if (!connection.ok()) {
      ADD_FAILURE() << connection.error().message;
      std::abort();
    }
    return std::move(connection).value();
  }
  static Connection MustOpen() { return MustOpen(cluster_->ConnectionString()); }

  // Ends when the server process has gone, its last words logged.
  static void WaitForEnd(const std::string& backend_pid) {
    auto waited = cluster_->Sql(
        "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = " + backend_pid +
        ") LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$");
    ASSERT_TRUE(waited.ok()) << waited.error().message;
  }

  static std::unique_ptr<ScratchCluster> cluster_;
};
std::unique_ptr<ScratchCluster> BackupSessionTest::cluster_;

TEST_F(BackupSessionTest, StartAndStopAgree) {
  Connection connection = MustOpen();
  auto session = BackupSession::Start(connection, "nightly 7", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_EQ(session->start().timeline, TimelineId{1});
  EXPECT_EQ(session->start().wal_segment_size, kSegment);
  EXPECT_TRUE(session->Ping().ok());
  auto stop = session->Stop();
  ASSERT_TRUE(stop.ok()) << stop.error().message;
  EXPECT_GT(stop->stop_lsn, session->start().lsn);
  EXPECT_EQ(stop->timeline, TimelineId{1});
  EXPECT_TRUE(stop->backup_label.starts_with(
      fmt::format("START WAL LOCATION: {} (file ", session->start().lsn.ToText())))
      << stop->backup_label;
  EXPECT_EQ(stop->parsed_label.label, "nightly 7");
  EXPECT_EQ(stop->parsed_label.start_lsn, session->start().lsn);
  EXPECT_EQ(stop->tablespace_map, "");
}

TEST_F(BackupSessionTest, AStoppedSessionLeavesTheConnectionAndStopsOnce) {
  Connection connection = MustOpen();
  {
    auto session = BackupSession::Start(connection, "one", /*fast=*/true);
    ASSERT_TRUE(session.ok()) << session.error().message;
    ASSERT_TRUE(session->Stop().ok());
    EXPECT_EQ(session->Stop().code(), Code::kFailed);
    EXPECT_EQ(session->Ping().code(), Code::kFailed);
  }
  EXPECT_TRUE(connection.Query("SELECT 1").ok());
  auto again = BackupSession::Start(connection, "two", /*fast=*/true);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->Stop().ok());
}

TEST_F(BackupSessionTest, TwoBackupsRunAtOnce) {
  Connection first = MustOpen();
  Connection second = MustOpen();
  auto one = BackupSession::Start(first, "one", /*fast=*/true);
  auto two = BackupSession::Start(second, "two", /*fast=*/true);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(two->Stop()->parsed_label.label, "two");
  EXPECT_EQ(one->Stop()->parsed_label.label, "one");
}

TEST_F(BackupSessionTest, ASessionThatIsNotStoppedAbortsTheBackup) {
  Connection connection = MustOpen();
  std::string pid = *connection.QueryCell("SELECT pg_catalog.pg_backend_pid()");
  size_t logged = cluster_->ServerLog().size();
  {
    auto session = BackupSession::Start(connection, "left alone", /*fast=*/true);
    ASSERT_TRUE(session.ok()) << session.error().message;
    BackupSession moved = std::move(session).value();
    EXPECT_TRUE(moved.Ping().ok());
  }
  EXPECT_EQ(connection.Query("SELECT 1").code(), Code::kConnection);
  WaitForEnd(pid);
  EXPECT_NE(cluster_->ServerLog().find("aborting backup", logged), std::string::npos);
}

TEST_F(BackupSessionTest, ALostConnectionLosesTheBackup) {
  Connection connection = MustOpen();
  auto session = BackupSession::Start(connection, "cut off", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  std::string pid = *connection.QueryCell("SELECT pg_catalog.pg_backend_pid()");
  ASSERT_TRUE(cluster_->Sql("SELECT pg_terminate_backend(" + pid + ", 10000)").ok());
  EXPECT_EQ(session->Ping().code(), Code::kConnection);
  auto stop = session->Stop();
  EXPECT_EQ(stop.code(), Code::kConnection);
  EXPECT_TRUE(stop.error().message.starts_with("ending the backup on the server: "));
}

TEST_F(BackupSessionTest, ABackupEndedBehindItsBackIsAnError) {
  Connection connection = MustOpen();
  auto session = BackupSession::Start(connection, "ended twice", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  ASSERT_TRUE(connection.Query("SELECT pg_catalog.pg_backup_stop(false)").ok());
  EXPECT_FALSE(session->Stop().ok());
  EXPECT_EQ(connection.Query("SELECT 1").code(), Code::kConnection);
}

TEST_F(BackupSessionTest, ABackupStartedAnewBehindItsBackIsDamage) {
  Connection connection = MustOpen();
  auto session = BackupSession::Start(connection, "same name", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  ASSERT_TRUE(connection.Query("SELECT pg_catalog.pg_backup_stop(false)").ok());
  ASSERT_TRUE(connection.Query("SELECT pg_catalog.pg_backup_start('same name', true)").ok());
  EXPECT_EQ(session->Stop().code(), Code::kDamaged);
}

TEST_F(BackupSessionTest, LabelsThatWouldBreakTheLabelFileAreRefused) {
  Connection connection = MustOpen();
  for (const std::string& bad : {std::string(), std::string("a\nSTART TIMELINE: 9"),
                                 std::string("caf\xC3\xA9"), std::string(1024, 'x')}) {
    EXPECT_EQ(BackupSession::Start(connection, bad, true).code(), Code::kUsage) << bad;
  }
}

TEST_F(BackupSessionTest, APoolerIsRefused) {
  auto directory = cluster_->MakeDirectory("pooler");
  ASSERT_TRUE(directory.ok());
  auto pooler = testing::FakePooler::Start(
      *directory, 6543,
      fmt::format("{}/.s.PGSQL.{}", cluster_->socket_directory(), cluster_->port()));
  ASSERT_TRUE(pooler.ok()) << pooler.error().message;
  Connection connection = MustOpen((*pooler)->ConnectionString());
  auto session = BackupSession::Start(connection, "pooled", /*fast=*/true);
  EXPECT_EQ(session.code(), Code::kRefused);
  EXPECT_NE(session.error().message.find("pooler"), std::string::npos);
}

TEST_F(BackupSessionTest, ARoleWithoutRightsIsToldTheGrant) {
  ASSERT_TRUE(cluster_->Sql("CREATE ROLE \"we\"\"ird\" LOGIN").ok());
  Connection connection = MustOpen(fmt::format("host={} port={} user='we\"ird' dbname=postgres",
                                               cluster_->socket_directory(), cluster_->port()));
  auto session = BackupSession::Start(connection, "plain", /*fast=*/true);
  EXPECT_EQ(session.code(), Code::kPermission);
  EXPECT_NE(session.error().hint.find("GRANT EXECUTE ON FUNCTION pg_catalog.pg_backup_start(text, "
                                      "boolean) TO \"we\"\"ird\";"),
            std::string::npos)
      << session.error().hint;
  EXPECT_NE(SwitchWal(connection).error().hint.find("pg_catalog.pg_switch_wal()"),
            std::string::npos);
}

// Spaces, line ends, backslashes and bytes that are not UTF-8, seen from databases of two
// encodings.
TEST_F(BackupSessionTest, TablespaceMapsHoldTheNamesOnDisk) {
  ASSERT_TRUE(cluster_->Sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0").ok());
  std::vector<std::string> paths;
  for (const char* name :
       {"with  space", "new\nline", "carriage\rreturn", "back\\slash\\", "caf\xE9"}) {
    paths.push_back(fmt::format("{}/{}", cluster_->root_directory(), name));
    ASSERT_TRUE(cluster_->Run({"/bin/mkdir", paths.back()}).ok());
    auto made = cluster_->Sql(fmt::format("SET client_encoding = 'LATIN1';\n"
                                          "CREATE TABLESPACE space_{} LOCATION '{}'",
                                          paths.size(), paths.back()),
                              "latin");
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  for (const char* database : {"latin", "postgres"}) {
    Connection connection = MustOpen(cluster_->ConnectionString(database));
    auto session = BackupSession::Start(connection, "spaces", /*fast=*/true);
    ASSERT_TRUE(session.ok()) << session.error().message;
    auto stop = session->Stop();
    ASSERT_TRUE(stop.ok()) << stop.error().message;
    auto entries = ParseTablespaceMap(stop->tablespace_map, 15);
    ASSERT_TRUE(entries.ok()) << entries.error().message;
    EXPECT_EQ(*WriteTablespaceMap(*entries, 15), stop->tablespace_map) << "written as the server";
    auto facts = ReadServerFacts(connection);
    ASSERT_TRUE(facts.ok()) << facts.error().message;
    ASSERT_EQ(facts->tablespaces.size(), paths.size());
    ASSERT_EQ(entries->size(), paths.size());
    for (const Tablespace& tablespace : facts->tablespaces) {
      EXPECT_NE(std::find(paths.begin(), paths.end(), tablespace.location), paths.end());
      TablespaceMapEntry expected{tablespace.oid, tablespace.location};
      EXPECT_NE(std::find(entries->begin(), entries->end(), expected), entries->end())
          << tablespace.location;
    }
  }
  for (size_t at = 1; at <= paths.size(); ++at) {
    ASSERT_TRUE(cluster_->Sql(fmt::format("DROP TABLESPACE space_{}", at)).ok());
  }
}

// A map written with new directories is read by the server as we meant it, or it would start on the
// original's tablespace.
TEST_F(BackupSessionTest, ACopyStartsWithItsTablespacesElsewhere) {
  const std::string& root = cluster_->root_directory();
  auto shell = [&](const std::string& command) {
    auto finished = cluster_->Run({"/bin/sh", "-ec", command});
    return finished.ok() && finished->exit_code == 0 ? "" : finished->err + " in: " + command;
  };
  ASSERT_EQ(shell(fmt::format("mkdir '{}/original'", root)), "");
  ASSERT_TRUE(
      cluster_->Sql(fmt::format("CREATE TABLESPACE moving LOCATION '{}/original'", root)).ok());
  ASSERT_TRUE(cluster_->Sql("CREATE TABLE moved TABLESPACE moving AS SELECT 42 AS a").ok());

  Connection connection = MustOpen();
  auto session = BackupSession::Start(connection, "to be moved", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  std::string copy = root + "/copy";
  ASSERT_EQ(shell(fmt::format("cp -a '{}' '{}'", cluster_->data_directory(), copy)), "");
  std::string target = root + "/new \n\r back\\slash\\";
  ASSERT_EQ(shell(fmt::format("cp -a '{}/original' '{}'", root, target)), "");
  auto stop = session->Stop();
  ASSERT_TRUE(stop.ok()) << stop.error().message;
  ASSERT_EQ(shell(fmt::format("rm -rf '{1}/pg_wal' '{1}/postmaster.pid' '{1}'/pg_tblspc/* && "
                              "cp -a '{0}/pg_wal' '{1}/pg_wal'",
                              cluster_->data_directory(), copy)),
            "");
  auto entries = ParseTablespaceMap(stop->tablespace_map, 15);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), 1u);
  (*entries)[0].path = target;
  auto map = WriteTablespaceMap(*entries, 15);
  ASSERT_TRUE(map.ok()) << map.error().message;
  auto put = [&](const std::string& name, std::string_view text) {
    return cluster_->Run({"/bin/sh", "-ec", fmt::format("cat >'{}/{}'", copy, name)}, text)
        ->exit_code;
  };
  ASSERT_EQ(put("tablespace_map", *map), 0);
  ASSERT_EQ(put("backup_label", stop->backup_label), 0);
  ASSERT_EQ(shell(fmt::format("mv '{0}/original' '{0}/hidden'", root)), "");

  ScratchOptions options;
  options.existing_data_directory = copy;
  auto restored = ScratchCluster::Create(options);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  Status started = (*restored)->Start();
  ASSERT_TRUE(started.ok()) << started.error().message;
  EXPECT_EQ(*(*restored)->Sql("SELECT a FROM moved"), "42");
  EXPECT_EQ(*(*restored)->Sql(fmt::format("SELECT pg_tablespace_location({})", (*entries)[0].oid)),
            target);
  ASSERT_TRUE((*restored)->Stop().ok());
  ASSERT_EQ(shell(fmt::format("mv '{0}/hidden' '{0}/original'", root)), "");
  ASSERT_TRUE(cluster_->Sql("DROP TABLE moved; DROP TABLESPACE moving").ok());
}

TEST_F(BackupSessionTest, AMarkerAndASwitchCompleteASegment) {
  Connection connection = MustOpen();
  auto before = CurrentWalFile(connection);
  ASSERT_TRUE(before.ok()) << before.error().message;
  auto marker = EmitWalMarker(connection);
  ASSERT_TRUE(marker.ok()) << marker.error().message;
  auto end = SwitchWal(connection);
  ASSERT_TRUE(end.ok()) << end.error().message;
  EXPECT_GT(*end, *marker);
  Result<std::string> flushed = cluster_->Sql(
      fmt::format("SELECT pg_current_wal_flush_lsn() >= '{}'::pg_lsn", end->ToText()));
  ASSERT_TRUE(flushed.ok()) << flushed.error().message;
  EXPECT_EQ(*flushed, "t") << "a completed segment is durable";
  WalSegment completed = SegmentBefore(TimelineId{1}, *marker, kSegment);
  EXPECT_EQ(SegmentBefore(TimelineId{1}, *end, kSegment), completed);
  // Nothing was written since: no segment is completed.
  auto again = SwitchWal(connection);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, SegmentStart({TimelineId{1}, completed.number + 1}, kSegment));
  ASSERT_TRUE(EmitWalMarker(connection).ok());
  EXPECT_EQ(*CurrentWalFile(connection),
            WalSegmentName({TimelineId{1}, completed.number + 1}, kSegment));
}

TEST_F(BackupSessionTest, RestorePointsHaveAPlace) {
  Connection connection = MustOpen();
  auto before = EmitWalMarker(connection);
  auto point = CreateRestorePoint(connection, "before the release");
  ASSERT_TRUE(point.ok()) << point.error().message;
  EXPECT_GT(*point, *before);
  EXPECT_FALSE(CreateRestorePoint(connection, std::string(100, 'x')).ok());
}

TEST_F(BackupSessionTest, AStandbyIsReportedAndRefused) {
  ASSERT_TRUE(cluster_->Stop().ok());
  auto root = cluster_->MakeDirectory("standby");
  ASSERT_TRUE(root.ok());
  ASSERT_EQ(
      cluster_->Run({"/bin/cp", "-a", cluster_->data_directory(), *root + "/data"})->exit_code, 0);
  ASSERT_EQ(cluster_->Run({"/usr/bin/touch", *root + "/data/standby.signal"})->exit_code, 0);
  ASSERT_TRUE(cluster_->Start().ok());
  ScratchOptions options;
  options.existing_data_directory = *root + "/data";
  auto standby = ScratchCluster::Create(options);
  ASSERT_TRUE(standby.ok()) << standby.error().message;
  ASSERT_TRUE((*standby)->Start().ok()) << (*standby)->ServerLog();
  Connection connection = MustOpen((*standby)->ConnectionString());
  auto facts = ReadServerFacts(connection);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_TRUE(facts->in_recovery);
  EXPECT_EQ(facts->timeline, TimelineId{1});
  auto session = BackupSession::Start(connection, "standby", /*fast=*/true);
  EXPECT_EQ(session.code(), Code::kRefused);
  EXPECT_NE(session.error().message.find("standby"), std::string::npos);
}

TEST(ArchiverState, SuccessesAndFailuresAreCounted) {
  ScratchOptions options;
  options.initdb_arguments = {"--wal-segsize=1"};
  options.settings = {"archive_mode=on", "archive_command='test ! -e fail && true'"};
  auto cluster = ScratchCluster::Create(options);
  ASSERT_TRUE(cluster.ok()) << cluster.error().message;
  ASSERT_TRUE((*cluster)->Start().ok());
  auto connection = Connection::Open((*cluster)->ConnectionString(), "pgcairn test");
  ASSERT_TRUE(connection.ok());
  auto fresh = ReadArchiverState(*connection);
  ASSERT_TRUE(fresh.ok()) << fresh.error().message;
  EXPECT_EQ(fresh->archived_count, 0);
  EXPECT_EQ(fresh->last_archived_wal, "");
  EXPECT_FALSE(fresh->last_archived_time.has_value());

  auto push = [&](const char* counter) {
    Lsn marker = *EmitWalMarker(*connection);
    EXPECT_TRUE(SwitchWal(*connection).ok());
    EXPECT_TRUE(
        (*cluster)
            ->Sql(fmt::format("DO $$ BEGIN WHILE (SELECT {} FROM pg_stat_archiver) = 0 LOOP "
                              "PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); "
                              "END LOOP; END $$",
                              counter))
            .ok());
    return WalSegmentName(SegmentBefore(TimelineId{1}, marker, kSegment), kSegment);
  };
  std::string archived = push("archived_count");
  auto after = ReadArchiverState(*connection);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_EQ(after->archived_count, 1);
  EXPECT_EQ(after->last_archived_wal, archived);
  EXPECT_TRUE(after->last_archived_time.has_value());
  EXPECT_EQ(after->failed_count, 0);

  ASSERT_TRUE(WriteFileDurably((*cluster)->data_directory() + "/fail", AsBytes(""), 0644).ok());
  std::string failed = push("failed_count");
  after = ReadArchiverState(*connection);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_GE(after->failed_count, 1);
  EXPECT_EQ(after->last_failed_wal, failed);
  EXPECT_TRUE(after->last_failed_time.has_value());
  EXPECT_LE(*after->last_failed_time, Timestamp::Now());
}

}  // namespace
}  // namespace pgcairn::postgres
