#include "sources/logical/schema_dump.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "postgres/testing/scratch_cluster.h"
#include "sources/logical/snapshot_session.h"

namespace pgcairn::sources {
namespace {

class SchemaDumpTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = postgres::testing::ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
    ASSERT_TRUE(cluster_
                    ->Sql("CREATE TABLE public.kept (id int); INSERT INTO public.kept VALUES "
                          "(4711); CREATE ROLE writer LOGIN PASSWORD 'a secret'")
                    .ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static Result<postgres::Connection> Open(const std::string& conninfo) {
    return postgres::Connection::Open(conninfo, "pgcairn test");
  }
  static Result<std::string> Dump(const postgres::Connection& connection,
                                  const std::string& snapshot, DumpFormat format) {
    ASSIGN_OR_RETURN(postgres::ClientProgram pg_dump,
                     postgres::FindClientProgram("pg_dump", 15, ""));
    std::string dumped;
    RETURN_IF_ERROR(
        DumpSchema(connection, {pg_dump, format, snapshot, {}, 10}, [&](ByteView piece) {
          dumped += AsText(piece);
          return Status();
        }));
    return dumped;
  }

  static inline std::unique_ptr<postgres::testing::ScratchCluster> cluster_;
};

TEST_F(SchemaDumpTest, IsOfTheSnapshotAndHasNoRows) {
  auto connection = Open(cluster_->ConnectionString());
  ASSERT_TRUE(connection.ok());
  auto session = SnapshotSession::Begin(*connection, 10);
  ASSERT_TRUE(session.ok()) << session.error().message;
  ASSERT_TRUE(cluster_->Sql("CREATE TABLE public.later (id int)").ok());
  auto plain = Dump(*connection, session->name(), DumpFormat::kPlain);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_NE(plain->find("CREATE TABLE public.kept"), std::string::npos);
  EXPECT_EQ(plain->find("later"), std::string::npos);
  EXPECT_EQ(plain->find("4711"), std::string::npos);
  auto custom = Dump(*connection, session->name(), DumpFormat::kCustom);
  ASSERT_TRUE(custom.ok()) << custom.error().message;
  EXPECT_TRUE(custom->starts_with("PGDMP"));
  EXPECT_TRUE(cluster_->Sql("DROP TABLE public.later").ok());
}

TEST_F(SchemaDumpTest, WhatPgDumpSaysIsTheError) {
  auto connection = Open(cluster_->ConnectionString());
  ASSERT_TRUE(connection.ok());
  auto dumped = Dump(*connection, "00000000-00000000-1", DumpFormat::kPlain);
  ASSERT_FALSE(dumped.ok());
  EXPECT_NE(dumped.error().message.find("snapshot"), std::string::npos) << dumped.error().message;
}

// pg_dump gets to the server as we did.
TEST_F(SchemaDumpTest, TheConnectionsSettingsReachTheProgramAndNoArgumentIsSecret) {
  auto connection =
      Open(cluster_->ConnectionString() + " password='a secret' options='-c search_path=nowhere'");
  ASSERT_TRUE(connection.ok()) << connection.error().message;
  std::vector<std::string> environment = connection->EnvironmentForPrograms();
  auto has = [&](const std::string& line) {
    return std::find(environment.begin(), environment.end(), line) != environment.end();
  };
  EXPECT_TRUE(has("PGHOST=" + cluster_->socket_directory()));
  EXPECT_TRUE(has("PGPORT=" + std::to_string(cluster_->port())));
  EXPECT_TRUE(has("PGUSER=postgres"));
  EXPECT_TRUE(has("PGDATABASE=postgres"));
  EXPECT_TRUE(has("PGPASSWORD=a secret"));
  EXPECT_TRUE(has("PGOPTIONS=-c search_path=nowhere"));
  connection->Close();
  EXPECT_TRUE(connection->EnvironmentForPrograms().empty());
}

}  // namespace
}  // namespace pgcairn::sources
