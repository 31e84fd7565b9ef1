#include "sources/logical/snapshot_session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "postgres/testing/scratch_cluster.h"
#include "sources/logical/table_parts.h"

namespace pgcairn::sources {
namespace {

using postgres::Connection;
using postgres::testing::ScratchCluster;

constexpr int kLockWaitS = 30;

class SnapshotSessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  SnapshotSessionTest() {
    Must("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE public.held (id int)");
    Must("INSERT INTO public.held SELECT generate_series(1, 10)");
  }

  static Connection Open(const std::string& user = "postgres") {
    auto connection =
        Connection::Open(fmt::format("host={} port={} dbname=postgres user={}",
                                     cluster_->socket_directory(), cluster_->port(), user),
                         "pgcairn test");
    if (!connection.ok()) {
      ADD_FAILURE() << connection.error().message;
      std::abort();
    }
    return std::move(connection).value();
  }
  static std::string Must(const std::string& sql) {
    Result<std::string> done = cluster_->Sql(sql);
    EXPECT_TRUE(done.ok()) << done.error().message;
    return done.ok() ? *done : "";
  }
  static void Run(Connection& connection, const std::string& sql) {
    Status done = connection.Query(sql).status();
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  static std::vector<std::string> NamesOf(const std::vector<TableToCopy>& tables) {
    std::vector<std::string> names;
    for (const TableToCopy& table : tables) names.push_back(table.schema + "." + table.relation);
    return names;
  }
  static void WaitUntilOneWaits() {
    while (Must("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted") != "t") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  // Begins a session while `other` does that in a transaction that had locked public.held before.
  Result<SnapshotSession> BeginBeside(const std::string& sql) {
    Connection other = Open();
    Run(other, "BEGIN");
    Run(other, "LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE");
    auto begun = std::async(std::launch::async,
                            [&] { return SnapshotSession::Begin(connection_, kLockWaitS); });
    WaitUntilOneWaits();
    Run(other, sql);
    Run(other, "COMMIT");
    return begun.get();
  }

  static inline std::unique_ptr<ScratchCluster> cluster_;
  Connection connection_ = Open();
};

TEST_F(SnapshotSessionTest, OthersSeeTheSameMoment) {
  auto session = SnapshotSession::Begin(connection_, kLockWaitS);
  ASSERT_TRUE(session.ok()) << session.error().message;
  Must("INSERT INTO public.held VALUES (11)");
  Connection worker = Open();
  ASSERT_TRUE(session->Join(worker).ok());
  EXPECT_EQ(*worker.QueryCell("SELECT count(*) FROM public.held"), "10");
  EXPECT_EQ(Must("SELECT count(*) FROM public.held"), "11");
  EXPECT_TRUE(session->End().ok());
}

TEST_F(SnapshotSessionTest, NoTableIsEmptiedRewrittenOrDroppedUnderIt) {
  auto session = SnapshotSession::Begin(connection_, kLockWaitS);
  ASSERT_TRUE(session.ok()) << session.error().message;
  Connection other = Open();
  Run(other, "SET lock_timeout = 50");
  for (const char* sql :
       {"TRUNCATE public.held", "DROP TABLE public.held",
        "ALTER TABLE public.held ALTER id TYPE bigint", "VACUUM FULL public.held"}) {
    EXPECT_EQ(other.Query(sql).status().code(), Code::kTimeout) << sql;
  }
  EXPECT_TRUE(session->End().ok());
  EXPECT_TRUE(other.Query("TRUNCATE public.held").ok());
}

TEST_F(SnapshotSessionTest, ATableThatIsMadeMeanwhileIsLockedToo) {
  auto session = BeginBeside("CREATE TABLE public.made (id int)");
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_EQ(NamesOf(session->tables()), (std::vector<std::string>{"public.held", "public.made"}));
  Connection other = Open();
  Run(other, "SET lock_timeout = 50");
  EXPECT_EQ(other.Query("DROP TABLE public.made").status().code(), Code::kTimeout);
}

TEST_F(SnapshotSessionTest, ATableThatIsDroppedMeanwhileIsNotWanted) {
  Must("CREATE TABLE public.stays (id int)");
  auto session = BeginBeside("DROP TABLE public.held");
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_EQ(NamesOf(session->tables()), std::vector<std::string>{"public.stays"});
}

TEST_F(SnapshotSessionTest, WhatATruncateLeftIsWhatTheSnapshotHas) {
  auto session = BeginBeside("TRUNCATE public.held");
  ASSERT_TRUE(session.ok()) << session.error().message;
  Connection worker = Open();
  ASSERT_TRUE(session->Join(worker).ok());
  EXPECT_EQ(*worker.QueryCell("SELECT count(*) FROM public.held"), "0");
}

TEST_F(SnapshotSessionTest, WhoHoldsATableTooLongIsNamed) {
  Connection other = Open();
  Run(other, "BEGIN");
  Run(other, "LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE");
  std::string pid = *other.QueryCell("SELECT pg_backend_pid()");
  auto session = SnapshotSession::Begin(connection_, 1);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.code(), Code::kTimeout);
  EXPECT_NE(session.error().message.find("public.held"), std::string::npos)
      << session.error().message;
  EXPECT_NE(session.error().message.find("process " + pid), std::string::npos);
  Run(other, "COMMIT");
  EXPECT_TRUE(SnapshotSession::Begin(connection_, 1).ok()) << "and the connection is of use";
}

TEST_F(SnapshotSessionTest, WhatTheRoleMayNotReadIsSaidAndNothingWaitsForIt) {
  Must(
      "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO "
      "reader;"
      "CREATE TABLE public.secret (id int); GRANT SELECT ON public.held TO reader");
  Connection other = Open();
  Run(other, "BEGIN");
  Run(other, "LOCK TABLE public.secret IN ACCESS EXCLUSIVE MODE");
  Connection reader = Open("reader");
  auto session = SnapshotSession::Begin(reader, 1);
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_EQ(NamesOf(session->tables()), std::vector<std::string>{"public.held"});
  EXPECT_EQ(session->unreadable(), std::vector<std::string>{"\"public\".\"secret\""});
  reader.Close();
  Must("DROP OWNED BY reader");
}

TEST_F(SnapshotSessionTest, RowsThatAPolicyHidesAreAnError) {
  Must(
      "DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN;"
      "GRANT USAGE ON SCHEMA public TO limited; GRANT SELECT ON public.held TO limited;"
      "ALTER TABLE public.held ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY small ON public.held USING (id < 5)");
  auto session = SnapshotSession::Begin(connection_, kLockWaitS);
  ASSERT_TRUE(session.ok()) << session.error().message;
  Connection worker = Open("limited");
  ASSERT_TRUE(session->Join(worker).ok());
  auto copied = worker.CopyOut(PartsOf(session->tables().at(0)).at(0).copy_sql,
                               [](ByteView) { return Status(); });
  ASSERT_FALSE(copied.ok());
  EXPECT_NE(copied.error().message.find("row-level security"), std::string::npos)
      << copied.error().message;
  worker.Close();
  Must("DROP OWNED BY limited");
}

TEST_F(SnapshotSessionTest, ASessionThatWasEndedIsAnErrorAtTheEnd) {
  auto session = SnapshotSession::Begin(connection_, kLockWaitS);
  ASSERT_TRUE(session.ok()) << session.error().message;
  Connection worker = Open();
  ASSERT_TRUE(session->Join(worker).ok());
  Must(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
      "AND query NOT LIKE 'SET TRANSACTION%'");
  Status ended = session->End();
  ASSERT_FALSE(ended.ok());
}

// Who asks for a table that another one waits for, waits behind him; and he waits for the session.
TEST_F(SnapshotSessionTest, WhoWaitsForTheSessionKeepsNoWorkerWaiting) {
  Connection other = Open(), worker = Open();
  auto session = SnapshotSession::Begin(connection_, 10);
  ASSERT_TRUE(session.ok()) << session.error().message;
  auto waiting = session->KeepsSomebodyWaiting();
  ASSERT_TRUE(waiting.ok() && !*waiting);
  ASSERT_TRUE(session->Join(worker).ok());
  const auto held = std::find_if(session->tables().begin(), session->tables().end(),
                                 [](const TableToCopy& table) { return table.relation == "held"; });
  ASSERT_NE(held, session->tables().end());
  auto locked = SnapshotSession::TryLock(worker, *held);
  ASSERT_TRUE(locked.ok() && *locked);
  ASSERT_TRUE(worker.Query("ROLLBACK").ok());
  ASSERT_TRUE(session->Join(worker).ok());

  std::thread truncating([&] { EXPECT_TRUE(other.Query("TRUNCATE public.held").ok()); });
  do {
    waiting = session->KeepsSomebodyWaiting();
  } while (waiting.ok() && !*waiting);
  EXPECT_TRUE(waiting.ok());
  locked = SnapshotSession::TryLock(worker, *held);
  EXPECT_TRUE(locked.ok() && !*locked);
  EXPECT_TRUE(worker.QueryCell("SELECT 1").ok()) << "its transaction goes on";
  auto rows =
      session->connection().CopyOut(PartsOf(*held)[0].copy_sql, [](ByteView) { return Status(); });
  EXPECT_TRUE(rows.ok() && *rows == 10u) << "the session itself can read it";
  EXPECT_TRUE(session->Abandon().ok());
  truncating.join();
  auto again = SnapshotSession::Begin(connection_, 10);
  EXPECT_TRUE(again.ok()) << again.error().message;
}

TEST_F(SnapshotSessionTest, TablesOfEveryKindAreListedWithWhatCanBeWritten) {
  Must(
      "CREATE TABLE public.\"We\"\"ird é\" (\"A b\" int, gone int, g int GENERATED ALWAYS AS "
      "(\"A b\" * 2) STORED, i int GENERATED ALWAYS AS IDENTITY);"
      "ALTER TABLE public.\"We\"\"ird é\" DROP gone;"
      "CREATE TABLE public.nothing ();"
      "CREATE TABLE public.parent (k int) PARTITION BY LIST (k);"
      "CREATE TABLE public.part PARTITION OF public.parent FOR VALUES IN (1);"
      "CREATE TABLE public.child (more int) INHERITS (public.held);"
      "CREATE UNLOGGED TABLE public.unlogged (id int);"
      "CREATE MATERIALIZED VIEW public.seen AS SELECT 1 AS one;"
      "CREATE VIEW public.view AS SELECT 1 AS one;"
      "CREATE TABLE public.member (id int); CREATE TABLE public.config (id int, own bool);"
      "ALTER EXTENSION plpgsql ADD TABLE public.member;"
      "ALTER EXTENSION plpgsql ADD TABLE public.config;"
      "UPDATE pg_extension SET extconfig = ARRAY['public.config'::regclass::oid], extcondition = "
      "ARRAY['WHERE own'] WHERE extname = 'plpgsql'");
  auto tables = ListTables(connection_, TableSizes::kRead);
  Must(
      "UPDATE pg_extension SET extconfig = NULL, extcondition = NULL;"
      "ALTER EXTENSION plpgsql DROP TABLE public.member;"
      "ALTER EXTENSION plpgsql DROP TABLE public.config");
  ASSERT_TRUE(tables.ok()) << tables.error().message;
  EXPECT_EQ(
      NamesOf(*tables),
      (std::vector<std::string>{"public.We\"ird é", "public.child", "public.config", "public.held",
                                "public.nothing", "public.part", "public.unlogged"}));
  EXPECT_EQ(tables->at(0).columns, (std::vector<std::string>{"A b", "i"}));
  EXPECT_EQ(tables->at(1).columns, (std::vector<std::string>{"id", "more"}));
  EXPECT_EQ(tables->at(2).condition, "WHERE own");
  EXPECT_TRUE(tables->at(4).columns.empty());
  for (const TableToCopy& table : *tables) {
    EXPECT_TRUE(table.readable) << table.name();
    EXPECT_TRUE(table.by_blocks) << table.name();
  }
}

// Each row once, rows of a child table not among the parent's.
TEST_F(SnapshotSessionTest, ThePartsOfATableAreItsRows) {
  Must(
      "CREATE TABLE public.child () INHERITS (public.held); INSERT INTO public.child VALUES (99);"
      "CREATE TABLE public.wide (id int, filler text);"
      "ALTER TABLE public.wide ALTER filler SET STORAGE PLAIN;"
      "INSERT INTO public.wide SELECT g, repeat('x', 4500) FROM generate_series(1, 20000) g");
  auto tables = ListTables(connection_, TableSizes::kRead);
  ASSERT_TRUE(tables.ok());
  auto copied = [&](TableToCopy table, uint64_t blocks) {
    table.blocks = blocks;
    std::vector<std::string> ids;
    for (const TablePart& part : PartsOf(table)) {
      auto rows = connection_.CopyOut(part.copy_sql, [&](ByteView row) {
        std::string text(AsText(row));
        ids.push_back(text.substr(0, text.find_first_of("\t\n")));
        return Status();
      });
      EXPECT_TRUE(rows.ok()) << rows.error().message;
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
    return ids.size();
  };
  for (const TableToCopy& table : *tables) {
    if (table.relation == "wide") {
      EXPECT_EQ(table.blocks, 20'000u);
      for (uint64_t blocks : {uint64_t{1}, table.blocks, 3 * kBlocksPerPart}) {
        EXPECT_EQ(copied(table, blocks), 20'000u);
      }
    }
    if (table.relation == "held") {
      for (uint64_t blocks : {uint64_t{1}, 3 * kBlocksPerPart})
        EXPECT_EQ(copied(table, blocks), 10u);
    }
  }
}

}  // namespace
}  // namespace pgcairn::sources
