#include "commands/logical_restore.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "commands/testing/logical_backup.h"
#include "postgres/testing/scratch_cluster.h"
#include "repository/manifest/manifest_store.h"
#include "repository/testing/memory_cluster.h"
#include "storage/local/local_storage.h"
#include "storage/testing/scratch_directory.h"

namespace pgcairn::commands {
namespace {

using postgres::testing::ScratchCluster;

constexpr char kRestoredBackup[] = "20240101_020000-0001";

// A backup of the database "source", and restores of it into others.
class LogicalRestoreTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    server_ = std::move(cluster).value();
    ASSERT_TRUE(server_->Start().ok());
    repository_ = std::make_unique<storage::ScratchDirectory>();
    Must("CREATE ROLE owner; CREATE DATABASE source; ALTER DATABASE source SET work_mem = '5MB'",
         "postgres");
    Must(kSource, "source");
    auto storage = storage::LocalStorage::Open(repository_->path());
    ASSERT_TRUE(storage.ok());
    repository::MemoryCluster repository =
        repository::MakeMemoryCluster(std::shared_ptr<storage::Storage>(std::move(*storage)));
    auto connection =
        postgres::Connection::Open(server_->ConnectionString("source"), "pgcairn test");
    ASSERT_TRUE(connection.ok());
    backup_ = std::make_unique<testing::LogicalBackup>(testing::ReadDatabase(*connection));
    testing::CommitLogical(*repository.access, kRestoredBackup, *backup_);
  }
  static void TearDownTestSuite() {
    server_.reset();
    repository_.reset();
    backup_.reset();
  }

  LogicalRestoreTest() {
    Must(fmt::format("CREATE DATABASE {} TEMPLATE template0", database_), "postgres");
    settings_.storage.local_path = repository_->path();
    settings_.storage.encryption_enabled = false;
    settings_.performance.jobs = 2;
    settings_.restore.test_directory = trials_.path();
    options_.target_url = server_->ConnectionString(database_);
  }

  static std::string Must(const std::string& sql, const std::string& database) {
    Result<std::string> done = server_->Sql(sql, database);
    EXPECT_TRUE(done.ok()) << done.error().message;
    return done.ok() ? *done : "";
  }
  std::string Here(const std::string& sql) const { return Must(sql, database_); }

  Result<LogicalRestoreReport> Restore() const { return RestoreLogical(settings_, options_); }
  void ExpectSameAsSource(const std::string& sql) const {
    EXPECT_EQ(Here(sql), Must(sql, "source")) << sql;
  }

  static constexpr char kSource[] = R"(
    CREATE SCHEMA "other ""one""";
    CREATE TABLE public.t (id serial PRIMARY KEY, x text DEFAULT 'd', twice int GENERATED ALWAYS
      AS (length(x) * 2) STORED);
    INSERT INTO public.t (x) SELECT repeat('x', i % 50) || E'\t\\' || i FROM generate_series(1,
      20000) AS i;
    CREATE INDEX t_x ON public.t (x);
    COMMENT ON INDEX public.t_x IS 'fast';
    CREATE TABLE "other ""one""".child (id int REFERENCES public.t (id), "a b" bytea);
    INSERT INTO "other ""one""".child SELECT id, decode('00ff', 'hex') FROM public.t WHERE id < 5;
    CREATE TABLE public.none ();
    INSERT INTO public.none SELECT FROM generate_series(1, 3);
    CREATE TABLE public.empty (id int);
    CREATE TABLE public.p (k int, v text) PARTITION BY LIST (k);
    CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1);
    INSERT INTO public.p VALUES (1, 'one');
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''fired''; END';
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON public.t FOR EACH ROW
      EXECUTE FUNCTION public.refuse();
    CREATE MATERIALIZED VIEW public.m AS SELECT count(*) AS n FROM public.t;
    ALTER TABLE public.t OWNER TO owner;
    ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON public.t USING (id > 3);
    ALTER TABLE public.t REPLICA IDENTITY FULL;)";

  static inline std::unique_ptr<ScratchCluster> server_;
  static inline std::unique_ptr<storage::ScratchDirectory> repository_;
  static inline std::unique_ptr<testing::LogicalBackup> backup_;
  static inline int databases_ = 0;
  const std::string database_ = fmt::format("target{}", ++databases_);
  storage::ScratchDirectory trials_;
  config::Settings settings_;
  LogicalRestoreOptions options_;
};

TEST_F(LogicalRestoreTest, EverythingComesBack) {
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  EXPECT_EQ(report->database, database_);
  EXPECT_EQ(report->rows, 20'000u + 4 + 3 + 1);
  EXPECT_EQ(report->steps_done, report->steps.size());
  for (const char* sql :
       {"SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM public.t",
        "SELECT * FROM \"other \"\"one\"\"\".child ORDER BY id", "SELECT count(*) FROM public.none",
        "SELECT * FROM public.p", "SELECT * FROM public.m",
        "SELECT last_value FROM public.t_id_seq",
        "SELECT relname, relkind, relowner::regrole, relrowsecurity, relreplident FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('p', 'f') "
        "ORDER BY conname",
        "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT obj_description('public.t_x'::regclass)",
        "SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy"}) {
    ExpectSameAsSource(sql);
  }
  EXPECT_EQ(Here("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 't'"), "t") << "analyzed";
  EXPECT_TRUE(std::filesystem::is_empty(trials_.path())) << "no definitions are left behind";
}

TEST_F(LogicalRestoreTest, DefinitionsAloneHaveNoRows) {
  options_.scope = LogicalScope::kSchema;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Here("SELECT count(*) FROM public.t"), "0");
  ExpectSameAsSource("SELECT count(*) FROM pg_constraint");
}

TEST_F(LogicalRestoreTest, ADryRunSaysWhatItWouldDoAndChangesNothing) {
  options_.dry_run = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->steps_done, 0u);
  EXPECT_GE(report->steps.size(), 5u);
  EXPECT_EQ(report->tables.size(), 5u);
  EXPECT_TRUE(report->refusals.empty());
  ASSERT_EQ(report->skipped.size(), 1u);
  EXPECT_NE(report->skipped[0].find("settings of the database itself"), std::string::npos);
  EXPECT_EQ(Here("SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");
  Here("CREATE TABLE public.there ()");
  report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(report->refusals.size(), 1u);
  EXPECT_NE(report->refusals[0].find("table public.there"), std::string::npos);
}

TEST_F(LogicalRestoreTest, ADatabaseThatIsNotEmptyIsLeftAlone) {
  Here("CREATE TABLE public.there ()");
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_NE(report.error().message.find("table public.there"), std::string::npos);
  EXPECT_EQ(Here("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
}

TEST_F(LogicalRestoreTest, MissingRolesAreRefusedOrMade) {
  Must("ALTER ROLE owner RENAME TO away", "postgres");
  Result<LogicalRestoreReport> report = Restore();
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_NE(report.error().message.find("owner"), std::string::npos) << report.error().message;
  options_.create_roles = true;
  report = Restore();
  EXPECT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Must("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'owner'", "postgres"), "f");
  Must(fmt::format("DROP DATABASE {}", database_), "postgres");
  Must("DROP ROLE owner; ALTER ROLE away RENAME TO owner", "postgres");
  Must(fmt::format("CREATE DATABASE {} TEMPLATE template0", database_), "postgres");
}

class TableRestoreTest : public LogicalRestoreTest {
 protected:
  TableRestoreTest() {
    options_.scope = LogicalScope::kTables;
    options_.tables = {"public.t"};
    Here(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''fired''; END'");
  }

  // The table with what belongs to it, without its rows.
  void Make() const {
    Result<LogicalRestoreReport> report = Restore();
    ASSERT_TRUE(report.ok()) << report.error().message;
    Here(
        "ALTER TABLE public.t DISABLE TRIGGER refuse; DELETE FROM public.t;"
        "ALTER TABLE public.t ENABLE TRIGGER refuse");
  }
  static bool Names(const std::vector<std::string>& lines, const std::string& words) {
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(words) != std::string::npos; });
  }
};

TEST_F(TableRestoreTest, ATableComesWithAllThatBelongsToIt) {
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  for (const char* sql :
       {"SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM public.t",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
        "'public.t'::regclass",
        "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT obj_description('public.t_x'::regclass)",
        "SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy",
        "SELECT relowner::regrole, relrowsecurity, relreplident FROM pg_class WHERE oid = "
        "'public.t'::regclass",
        "SELECT adrelid::regclass, pg_get_expr(adbin, adrelid) FROM pg_attrdef ORDER BY adnum"}) {
    ExpectSameAsSource(sql);
  }
  EXPECT_EQ(Here("SELECT nextval(pg_get_serial_sequence('public.t', 'id'))"), "20001");
  EXPECT_EQ(Here("SELECT count(*) FROM pg_class WHERE relname IN ('child', 'p', 'm', 'none')"),
            "0");
  EXPECT_TRUE(Names(report->skipped, "child_id_fkey")) << "it is another table's";
}

TEST_F(TableRestoreTest, ANameWithoutASchemaMustBeUnique) {
  options_.tables = {"none"};
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Here("SELECT count(*) FROM public.none"), "3");
  options_.tables = {"absent"};
  EXPECT_EQ(Restore().code(), Code::kNotFound);
}

TEST_F(TableRestoreTest, ForeignKeysThatCannotBeMadeAreReported) {
  Here("CREATE SCHEMA \"other \"\"one\"\"\"");
  options_.tables = {"other \"one\".child"};
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  EXPECT_TRUE(Names(report->skipped, "FK CONSTRAINT other \"one\" child child_id_fkey"));
  ExpectSameAsSource("SELECT * FROM \"other \"\"one\"\"\".child ORDER BY id");
  Here("DROP TABLE \"other \"\"one\"\"\".child");
  options_.tables = {"child", "t"};
  report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  ExpectSameAsSource(
      "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
      "WHERE contype = 'f'");
}

TEST_F(TableRestoreTest, AForeignKeyOfANewTableFindsTheReplacedRows) {
  Here("CREATE SCHEMA \"other \"\"one\"\"\"");
  ASSERT_NO_FATAL_FAILURE(Make());
  options_.tables = {"child", "t"};
  options_.replace = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  ExpectSameAsSource(
      "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'");
}

TEST_F(TableRestoreTest, ATableThatIsThereIsLeftAlone) {
  Here("CREATE TABLE public.t AS SELECT 1 AS mine");
  Result<LogicalRestoreReport> report = Restore();
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_EQ(Here("SELECT * FROM public.t"), "1");
}

TEST_F(TableRestoreTest, ReplacingTakesTheColumnsThatBothHaveAndFiresNothing) {
  ASSERT_NO_FATAL_FAILURE(Make());
  Here(
      "ALTER TABLE public.t DROP COLUMN x CASCADE; ALTER TABLE public.t ADD y int DEFAULT 7;"
      "ALTER TABLE public.t ENABLE ALWAYS TRIGGER refuse; SELECT setval('public.t_id_seq', 5)");
  options_.replace = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  EXPECT_EQ(Here("SELECT count(*), min(id), max(id), min(y) FROM public.t"), "20000|1|20000|7");
  EXPECT_TRUE(Names(report->skipped, "column x of public.t"));
  EXPECT_TRUE(Names(report->warnings, "column y of public.t"));
  EXPECT_EQ(Here("SELECT tgenabled FROM pg_trigger WHERE NOT tgisinternal"), "A");
  EXPECT_EQ(Here("SELECT nextval('public.t_id_seq')"), "20001");
}

TEST_F(TableRestoreTest, AReplacementThatFailsLeavesTheRowsAsTheyWere) {
  Here("CREATE TABLE public.t (id int CHECK (id < 10), x text); INSERT INTO public.t VALUES (1)");
  options_.replace = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().hint.find("are as they were"), std::string::npos);
  EXPECT_EQ(Here("SELECT id FROM public.t"), "1");
}

TEST_F(TableRestoreTest, KeysThatWouldLeadNowhereAreAnError) {
  ASSERT_NO_FATAL_FAILURE(Make());
  Here(
      "ALTER TABLE public.t DISABLE TRIGGER refuse; INSERT INTO public.t (id) VALUES (99999);"
      "ALTER TABLE public.t ENABLE TRIGGER refuse;"
      "CREATE TABLE public.mine (t int REFERENCES public.t (id) ON DELETE CASCADE);"
      "INSERT INTO public.mine VALUES (99999)");
  options_.replace = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("1 rows of public.mine refer to rows that are not there"),
            std::string::npos)
      << report.error().message;
  EXPECT_EQ(Here("SELECT count(*) FROM public.t"), "1");
  Here("UPDATE public.mine SET t = NULL");
  report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Here("SELECT count(*) FROM public.mine"), "1") << "nothing cascades";
}

TEST_F(TableRestoreTest, ARoleThatMayNotKeepKeysFromFiringDoesNotCascade) {
  ASSERT_NO_FATAL_FAILURE(Make());
  Here(
      "ALTER TABLE public.t DISABLE ROW LEVEL SECURITY;"
      "CREATE TABLE public.mine (t int REFERENCES public.t (id) ON DELETE CASCADE)");
  Must("ALTER ROLE owner LOGIN", "postgres");
  options_.target_url = fmt::format("host={} port={} dbname={} user=owner",
                                    server_->socket_directory(), server_->port(), database_);
  options_.replace = true;
  Result<LogicalRestoreReport> report = Restore();
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_NE(report.error().message.find("mine_t_fkey"), std::string::npos)
      << report.error().message;
  Here("DROP TABLE public.mine");
  report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message << " | " << report.error().hint;
  ExpectSameAsSource("SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM public.t");
  ExpectSameAsSource("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal");
}

TEST_F(TableRestoreTest, ADryRunChangesNothing) {
  options_.dry_run = true;
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_GE(report->steps.size(), 4u);
  EXPECT_EQ(Here("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
}

// Backups in a repository of their own that are not what they should be.
class WrongBackupTest : public LogicalRestoreTest {
 protected:
  WrongBackupTest() {
    auto storage = storage::LocalStorage::Open(own_.path());
    CHECK(storage.ok());
    cluster_ =
        repository::MakeMemoryCluster(std::shared_ptr<storage::Storage>(std::move(*storage)));
    settings_.storage.local_path = own_.path();
  }
  static format::LogicalTable& TableOf(testing::LogicalBackup& backup, const std::string& name) {
    auto& tables = *backup.catalog.mutable_tables();
    return *std::ranges::find(tables, name, [](const auto& table) { return table.name(); });
  }

  storage::ScratchDirectory own_;
  repository::MemoryCluster cluster_;
};

TEST_F(WrongBackupTest, ATableWithAnotherNumberOfRowsIsAnError) {
  testing::LogicalBackup backup = *backup_;
  TableOf(backup, "t").set_rows(20'001);
  testing::CommitLogical(*cluster_.access, kRestoredBackup, backup);
  Result<LogicalRestoreReport> report = Restore();
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("public.t took 20000 rows, and the backup has 20001"),
            std::string::npos)
      << report.error().message;
  EXPECT_NE(report.error().hint.find("done before: make schemas"), std::string::npos)
      << report.error().hint;
}

TEST_F(WrongBackupTest, AMissingExtensionIsRefused) {
  testing::LogicalBackup backup = *backup_;
  backup.catalog.add_extensions()->set_name("nobody's");
  testing::CommitLogical(*cluster_.access, kRestoredBackup, backup);
  Result<LogicalRestoreReport> report = Restore();
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_NE(report.error().message.find("nobody's"), std::string::npos);
}

TEST_F(WrongBackupTest, ARoleOfPostgresThatIsMissingIsNotMade) {
  testing::LogicalBackup backup = *backup_;
  backup.catalog.add_roles("pg_of_tomorrow");
  testing::CommitLogical(*cluster_.access, kRestoredBackup, backup);
  options_.create_roles = true;
  EXPECT_EQ(Restore().code(), Code::kRefused);
}

TEST_F(WrongBackupTest, APhysicalBackupIsNotRestoredIntoADatabase) {
  format::Manifest manifest;
  manifest.set_backup_id(kRestoredBackup);
  manifest.set_method(format::Manifest::PHYSICAL);
  CHECK(repository::CommitBackup(*cluster_.access, manifest, {}).ok());
  for (const char* source : {"latest", kRestoredBackup}) {
    options_.source = source;
    EXPECT_EQ(Restore().code(), Code::kUsage) << source;
  }
}

}  // namespace
}  // namespace pgcairn::commands
