#include "postgres/least_privilege.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "postgres/backup_session.h"
#include "postgres/server_facts.h"
#include "postgres/testing/scratch_cluster.h"
#include "postgres/wal_switch.h"

namespace pgcairn::postgres {
namespace {

TEST(LeastPrivilege, IdentifiersAreQuoted) {
  EXPECT_EQ(QuoteIdentifier("plain"), "\"plain\"");
  EXPECT_EQ(QuoteIdentifier("we\"ird"), "\"we\"\"ird\"");
}

TEST(LeastPrivilege, EachVersionHasItsOwnFunctions) {
  std::string old = LeastPrivilegeSql(14, "r");
  EXPECT_NE(old.find("pg_start_backup(text, boolean, boolean)"), std::string::npos);
  EXPECT_NE(old.find("pg_stop_backup(boolean, boolean)"), std::string::npos);
  EXPECT_EQ(old.find("pg_backup_start"), std::string::npos);
  std::string fresh = LeastPrivilegeSql(17, "r");
  EXPECT_NE(fresh.find("pg_backup_start(text, boolean)"), std::string::npos);
  EXPECT_NE(fresh.find("pg_logical_emit_message(boolean, text, text, boolean)"), std::string::npos);
  EXPECT_EQ(fresh.find("pg_start_backup"), std::string::npos);
}

// The name tries to leave every kind of quotation that the SQL uses. Even where PUBLIC has lost its
// default rights the role must do, and may be made twice.
TEST(LeastPrivilege, TheRoleCanBackUpAndNothingElse) {
  const std::string role = "back\\up \"o'clock\" $pgcairn$";
  auto created = testing::ScratchCluster::Create();
  ASSERT_TRUE(created.ok()) << created.error().message;
  testing::ScratchCluster& cluster = **created;
  ASSERT_TRUE(cluster.Start().ok());
  auto prepared = cluster.Sql(
      "CREATE TABLE secret (a int);\n"
      "REVOKE ALL ON pg_stat_archiver FROM PUBLIC;\n"
      "REVOKE ALL ON FUNCTION pg_control_system(), pg_control_checkpoint(),\n"
      "  pg_logical_emit_message(boolean, text, text) FROM PUBLIC");
  ASSERT_TRUE(prepared.ok()) << prepared.error().message;
  for (int time = 0; time < 2; ++time) {
    auto made = cluster.Sql(LeastPrivilegeSql(15, role));
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  auto opened = Connection::Open(
      fmt::format("host={} port={} dbname=postgres user='back\\\\up \"o\\'clock\" $pgcairn$'",
                  cluster.socket_directory(), cluster.port()),
      "pgcairn test");
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  Connection& connection = *opened;

  auto facts = ReadServerFacts(connection);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_TRUE(facts->config_files_complete);
  auto session = BackupSession::Start(connection, "least", /*fast=*/true);
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_TRUE(EmitWalMarker(connection).ok());
  EXPECT_TRUE(SwitchWal(connection).ok());
  EXPECT_TRUE(CreateRestorePoint(connection, "point").ok());
  EXPECT_TRUE(ReadArchiverState(connection).ok());
  EXPECT_TRUE(CurrentWalFile(connection).ok());
  auto stop = session->Stop();
  EXPECT_TRUE(stop.ok()) << stop.error().message;

  for (const char* sql :
       {"SELECT * FROM public.secret", "INSERT INTO public.secret VALUES (1)",
        "SELECT * FROM pg_catalog.pg_authid", "SELECT pg_catalog.pg_read_file('PG_VERSION')",
        "SELECT pg_catalog.pg_ls_dir('.')", "CREATE ROLE another", "CREATE DATABASE another",
        "CREATE TABLE public.mine (a int)", "SELECT pg_catalog.pg_reload_conf()",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "SELECT pg_catalog.pg_create_physical_replication_slot('slot')"}) {
    auto refused = connection.Query(sql);
    ASSERT_FALSE(refused.ok()) << sql;
    EXPECT_EQ(refused.code(), Code::kPermission) << sql << ": " << refused.error().message;
  }
  EXPECT_EQ(
      *cluster.Sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'back%' AND NOT rolsuper "
                   "AND NOT rolreplication AND NOT rolcreaterole AND NOT rolcreatedb AND NOT "
                   "rolbypassrls AND rolcanlogin"),
      "1");
}

}  // namespace
}  // namespace pgcairn::postgres
