#include "postgres/server_facts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

using testing::ScratchCluster;
using testing::ScratchOptions;

class ServerFactsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ScratchOptions options;
    options.initdb_arguments = {"--data-checksums", "--wal-segsize=1"};
    options.settings = {"archive_mode=on",
                        "archive_command='cp %p /nonexistent/%f'",
                        "archive_timeout=77",
                        "max_connections=33",
                        "max_worker_processes=9",
                        "max_wal_senders=4",
                        "max_prepared_transactions=5",
                        "max_locks_per_transaction=66",
                        "full_page_writes=off",
                        "wal_level=logical",
                        "shared_preload_libraries='pg_stat_statements'",
                        "include 'more.conf'"};
    auto cluster = ScratchCluster::Create(options);
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(
        WriteFileDurably(cluster_->data_directory() + "/more.conf", AsBytes("work_mem=1MB\n"), 0644)
            .ok());
    ASSERT_TRUE(cluster_->Start().ok());
    ASSERT_TRUE(cluster_->Sql("CREATE ROLE plain LOGIN").ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static Result<ServerFacts> Read(const std::string& conninfo) {
    ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, "pgcairn test"));
    return ReadServerFacts(connection);
  }
  static std::string AsPlain() {
    return fmt::format("host={} port={} user=plain dbname=postgres", cluster_->socket_directory(),
                       cluster_->port());
  }
  // What pg_controldata prints for a key.
  static std::string Control(std::string_view key) {
    auto printed = cluster_->Run({"pg_controldata", cluster_->data_directory()});
    EXPECT_TRUE(printed.ok());
    size_t at = printed->out.find(key);
    if (at == std::string::npos) return "";
    at = printed->out.find_first_not_of(": ", at + key.size());
    return printed->out.substr(at, printed->out.find('\n', at) - at);
  }

  static std::unique_ptr<ScratchCluster> cluster_;
};
std::unique_ptr<ScratchCluster> ServerFactsTest::cluster_;

TEST_F(ServerFactsTest, SettingsAndIdentityAreTheServers) {
  auto facts = Read(cluster_->ConnectionString());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->major, 15);
  EXPECT_EQ(facts->version_num / 10000, 15);
  EXPECT_EQ(std::to_string(facts->system_identifier.value), Control("Database system identifier"));
  EXPECT_EQ(facts->timeline, TimelineId{1});
  EXPECT_FALSE(facts->in_recovery);
  EXPECT_EQ(facts->server_encoding, "UTF8");
  EXPECT_EQ(facts->data_directory, cluster_->data_directory());
  EXPECT_EQ(facts->block_size, 8192u);
  EXPECT_EQ(std::to_string(facts->segment_size_pages),
            Control("Blocks per segment of large relation"));
  EXPECT_EQ(facts->wal_segment_size, 1u << 20);
  EXPECT_TRUE(facts->data_checksums);
  EXPECT_EQ(facts->wal_level, "logical");
  EXPECT_FALSE(facts->full_page_writes);
  EXPECT_EQ(facts->archive_mode, "on");
  EXPECT_EQ(facts->archive_command, "cp %p /nonexistent/%f");
  EXPECT_EQ(facts->archive_library, "");
  EXPECT_EQ(facts->archive_timeout_s, 77);
  EXPECT_EQ(facts->limits.max_connections, 33);
  EXPECT_EQ(facts->limits.max_worker_processes, 9);
  EXPECT_EQ(facts->limits.max_wal_senders, 4);
  EXPECT_EQ(facts->limits.max_prepared_transactions, 5);
  EXPECT_EQ(facts->limits.max_locks_per_transaction, 66);
  EXPECT_EQ(facts->shared_preload_libraries, "pg_stat_statements");
}

TEST_F(ServerFactsTest, IncludedConfigurationFilesAreFound) {
  auto facts = Read(cluster_->ConnectionString());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  const std::string& data = cluster_->data_directory();
  EXPECT_EQ(facts->config_file, data + "/postgresql.conf");
  EXPECT_EQ(facts->hba_file, data + "/pg_hba.conf");
  EXPECT_EQ(facts->ident_file, data + "/pg_ident.conf");
  EXPECT_TRUE(facts->config_files_complete);
  EXPECT_EQ(facts->config_files,
            (std::vector<std::string>{data + "/postgresql.conf", data + "/more.conf"}));
}

TEST_F(ServerFactsTest, TablespacesAndDatabasesAreListed) {
  auto directory = cluster_->MakeDirectory("space of my own");
  ASSERT_TRUE(directory.ok());
  ASSERT_TRUE(cluster_->Sql(fmt::format("CREATE TABLESPACE mine LOCATION '{}'", *directory)).ok());
  ASSERT_TRUE(cluster_->Sql("CREATE DATABASE closed ALLOW_CONNECTIONS false").ok());
  auto facts = Read(cluster_->ConnectionString());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  ASSERT_EQ(facts->tablespaces.size(), 1u);
  EXPECT_EQ(facts->tablespaces[0].name, "mine");
  EXPECT_EQ(facts->tablespaces[0].location, *directory);
  EXPECT_GE(facts->tablespaces[0].oid, 16384u);
  std::string all;
  for (const Database& database : facts->databases) {
    all += fmt::format("{}{}{} ", database.name, database.allows_connections ? "+" : "-",
                       database.is_template ? "t" : "");
  }
  EXPECT_EQ(all, "template1+t template0-t postgres+ closed- ");
}

// A directory named in Latin-1 by a database of that encoding.
TEST_F(ServerFactsTest, LocationsAreTheBytesOnDisk) {
  std::string path = cluster_->root_directory() + "/caf\xE9";
  ASSERT_TRUE(cluster_->Run({"/bin/mkdir", path}).ok());
  ASSERT_TRUE(cluster_->Sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0").ok());
  auto made = cluster_->Sql(fmt::format("SET client_encoding = 'LATIN1';\n"
                                        "CREATE TABLESPACE cafe LOCATION '{}'",
                                        path),
                            "latin");
  ASSERT_TRUE(made.ok()) << made.error().message;
  for (const char* database : {"latin", "postgres"}) {
    auto facts = Read(cluster_->ConnectionString(database));
    ASSERT_TRUE(facts.ok()) << facts.error().message;
    bool found = std::any_of(facts->tablespaces.begin(), facts->tablespaces.end(),
                             [&](const Tablespace& space) { return space.location == path; });
    EXPECT_TRUE(found) << "seen from " << database;
  }
}

TEST_F(ServerFactsTest, ARoleWithoutRightsIsToldTheGrant) {
  auto refused = Read(AsPlain());
  EXPECT_EQ(refused.code(), Code::kPermission);
  EXPECT_NE(refused.error().hint.find("GRANT pg_read_all_settings TO \"plain\";"),
            std::string::npos)
      << refused.error().hint;
}

TEST_F(ServerFactsTest, WithoutPgFileSettingsTheFilesInForceAreKnown) {
  ASSERT_TRUE(cluster_->Sql("GRANT pg_read_all_settings TO plain").ok());
  auto facts = Read(AsPlain());
  ASSERT_TRUE(cluster_->Sql("REVOKE pg_read_all_settings FROM plain").ok());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_FALSE(facts->config_files_complete);
  EXPECT_EQ(facts->config_files.size(), 2u);
  EXPECT_EQ(facts->config_files[0], facts->config_file);
  EXPECT_EQ(facts->config_files[1], cluster_->data_directory() + "/more.conf");
}

TEST_F(ServerFactsTest, AControlFunctionTakenFromPublicIsNamedInTheGrant) {
  ASSERT_TRUE(cluster_
                  ->Sql("GRANT pg_read_all_settings TO plain;\n"
                        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
                  .ok());
  auto refused = Read(AsPlain());
  ASSERT_TRUE(cluster_
                  ->Sql("REVOKE pg_read_all_settings FROM plain;\n"
                        "GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
                  .ok());
  EXPECT_EQ(refused.code(), Code::kPermission);
  EXPECT_NE(refused.error().hint.find("pg_catalog.pg_control_system() TO \"plain\""),
            std::string::npos)
      << refused.error().hint;
}

TEST(ServerMajor, OnlyKnownVersionsAreTaken) {
  EXPECT_TRUE(CheckServerMajor(13).ok());
  EXPECT_TRUE(CheckServerMajor(18).ok());
  EXPECT_EQ(CheckServerMajor(12).code(), Code::kUnsupported);
  EXPECT_EQ(CheckServerMajor(19).code(), Code::kUnsupported);
  EXPECT_NE(CheckServerMajor(19).error().message.find("newer"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::postgres
