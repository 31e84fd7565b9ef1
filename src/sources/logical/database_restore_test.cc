// What a restore does to a database, on a real server.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "postgres/testing/scratch_cluster.h"
#include "sources/logical/after_load.h"
#include "sources/logical/large_object_load.h"
#include "sources/logical/load_session.h"
#include "sources/logical/schema_restore.h"
#include "sources/logical/sequence_values.h"
#include "sources/logical/table_load.h"
#include "sources/logical/target_check.h"

namespace pgcairn::sources {
namespace {

using postgres::testing::ScratchCluster;

class DatabaseRestoreTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
    Must("CREATE ROLE plain LOGIN", "postgres");
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  // Every test has a new database.
  DatabaseRestoreTest() {
    Must(fmt::format("CREATE DATABASE {} TEMPLATE template0 OWNER plain", database_), "postgres");
  }

  static std::string Must(const std::string& sql, const std::string& database) {
    Result<std::string> done = cluster_->Sql(sql, database);
    EXPECT_TRUE(done.ok()) << done.error().message;
    return done.ok() ? *done : "";
  }
  std::string Must(const std::string& sql) const { return Must(sql, database_); }

  LoadSession Session(const std::string& user = "postgres", RowText text = RowText::kUtf8) const {
    auto session = OpenLoadSession(
        fmt::format("host={} port={} dbname={} user={}", cluster_->socket_directory(),
                    cluster_->port(), database_, user),
        text);
    if (!session.ok()) {
      ADD_FAILURE() << session.error().message;
      std::abort();
    }
    return std::move(session).value();
  }

  // Gives the pieces one after the other.
  static postgres::Connection::NextPiece Pieces(std::vector<std::string>& pieces) {
    return [&pieces, next = size_t{0}]() mutable -> Result<ByteView> {
      if (next == pieces.size()) return ByteView();
      return AsBytes(pieces[next++]);
    };
  }

  static inline std::unique_ptr<ScratchCluster> cluster_;
  static inline int databases_ = 0;
  const std::string database_ = fmt::format("target{}", ++databases_);
};

TEST_F(DatabaseRestoreTest, OnlySuperusersLoadSilently) {
  EXPECT_TRUE(Session().silent);
  EXPECT_FALSE(Session("plain").silent);
}

TEST_F(DatabaseRestoreTest, RowsComeInPiecesThatAreNotRows) {
  Must(R"(CREATE TABLE public."a ""b" (id int, "Ü x" text, twice int GENERATED ALWAYS AS (id * 2)
          STORED))");
  LoadSession session = Session();
  std::vector<std::string> pieces = {"1\tone", "\n2\t", "\\N\n3\tth\\tree\n"};
  auto rows = LoadRows(session.connection, {"public", "a \"b", {"id", "Ü x"}}, Pieces(pieces));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(*rows, 3u);
  EXPECT_EQ(Must(R"(SELECT id, coalesce("Ü x", 'NULL'), twice FROM public."a ""b" ORDER BY id)"),
            "1|one|2\n2|NULL|4\n3|th\tree|6");
}

TEST_F(DatabaseRestoreTest, ATableWithoutColumnsHasRows) {
  Must("CREATE TABLE public.none ()");
  LoadSession session = Session();
  std::vector<std::string> pieces = {"\n\n", "\n"};
  auto rows = LoadRows(session.connection, {"public", "none", {}}, Pieces(pieces));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(Must("SELECT count(*) FROM public.none"), "3");
}

TEST_F(DatabaseRestoreTest, AFailedTransactionLeavesTheSessionUsableAndNoRows) {
  Must("CREATE TABLE public.t (id int PRIMARY KEY); INSERT INTO public.t VALUES (1), (2)");
  LoadSession session = Session();
  const TableToLoad table{"public", "t", {"id"}};
  std::vector<std::string> pieces = {"3\n", "3\n"};
  Status failed = InTransaction(session.connection, [&]() -> Status {
    RETURN_IF_ERROR(DeleteRows(session.connection, table, "WHERE id = 1"));
    return LoadRows(session.connection, table, Pieces(pieces)).status();
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("loading public.t"), std::string::npos);
  EXPECT_EQ(Must("SELECT string_agg(id::text, ',' ORDER BY id) FROM public.t"), "1,2");
  Status done = InTransaction(
      session.connection, [&] { return DeleteRows(session.connection, table, "WHERE id = 1"); });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(Must("SELECT id FROM public.t"), "2");
}

TEST_F(DatabaseRestoreTest, BytesOfAnUnknownEncodingStayAsTheyAre) {
  Must("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0", "postgres");
  Must("CREATE TABLE public.t (x text)", "bytes");
  auto session = OpenLoadSession(cluster_->ConnectionString("bytes"), RowText::kServerBytes);
  ASSERT_TRUE(session.ok()) << session.error().message;
  std::vector<std::string> pieces = {"\xff\xfe\n"};
  ASSERT_TRUE(LoadRows(session->connection, {"public", "t", {"x"}}, Pieces(pieces)).ok());
  EXPECT_EQ(Must("SELECT convert_to(x, 'SQL_ASCII') FROM public.t", "bytes"), "\\xfffe");
}

TEST_F(DatabaseRestoreTest, LargeObjectsComeBackWithOwnerGrantsAndComment) {
  Must("CREATE ROLE reader; CREATE ROLE keeper", "postgres");
  LoadSession session = Session();
  std::vector<LargeObjectToMake> objects = {
      {4711, 5, "keeper", {"GRANT SELECT ON LARGE OBJECT 4711 TO reader"}, true, "it's \\ mine"},
      {4712, 0, "postgres", {}, false, ""}};
  ASSERT_TRUE(MakeLargeObjects(session.connection, objects).ok());
  std::vector<std::string> pieces = {"4711\t1\t\\\\x66\n", "4711\t0\t\\\\x", "61626364\n"};
  auto pages = LoadLargeObjectPages(session.connection, 4, Pieces(pieces));
  ASSERT_TRUE(pages.ok()) << pages.error().message;
  EXPECT_EQ(*pages, 2u);
  Status finished = FinishLargeObjects(session.connection, objects);
  ASSERT_TRUE(finished.ok()) << finished.error().message;
  EXPECT_EQ(Must("SELECT lo_get(4711), length(lo_get(4712))"), "\\x6162636466|0");
  EXPECT_EQ(Must("SELECT lomowner::regrole, lomacl, obj_description(oid, 'pg_largeobject') "
                 "FROM pg_largeobject_metadata WHERE oid = 4711"),
            "keeper|{keeper=rw/keeper,reader=r/keeper}|it's \\ mine");
}

TEST_F(DatabaseRestoreTest, ALargeObjectOfAnotherSizeIsAnError) {
  LoadSession session = Session();
  std::vector<LargeObjectToMake> objects = {{4711, 5, "", {}, false, ""}};
  ASSERT_TRUE(MakeLargeObjects(session.connection, objects).ok());
  EXPECT_FALSE(FinishLargeObjects(session.connection, objects).ok());
}

TEST_F(DatabaseRestoreTest, SequencesGoOnWhereTheyWere) {
  Must("CREATE SEQUENCE public.called; CREATE SEQUENCE public.\"Not yet\"");
  LoadSession session = Session();
  Status set = SetSequences(session.connection,
                            {{"public", "called", 41, true}, {"public", "Not yet", 7, false}});
  ASSERT_TRUE(set.ok()) << set.error().message;
  EXPECT_EQ(Must("SELECT nextval('public.called'), nextval('public.\"Not yet\"')"), "42|7");
  set = SetSequences(session.connection,
                     {{"public", "called", 1, true}, {"public", "absent", 1, true}});
  ASSERT_FALSE(set.ok());
  EXPECT_EQ(set.code(), Code::kNotFound);
  EXPECT_NE(set.error().message.find("public.absent"), std::string::npos) << set.error().message;
}

TEST_F(DatabaseRestoreTest, ANewDatabaseIsEmptyAndWhateverIsMadeInItIsFound) {
  LoadSession session = Session();
  auto found = [&] {
    auto objects = FindUserObjects(session.connection);
    EXPECT_TRUE(objects.ok());
    return objects.ok() ? fmt::format("{}", fmt::join(*objects, ", ")) : "";
  };
  EXPECT_EQ(found(), "");
  const std::vector<std::pair<const char*, const char*>> things = {
      {"TABLE public.a ()", "table public.a"},
      {"SCHEMA b", "schema b"},
      {"VIEW public.c AS SELECT 1", "view public.c"},
      {"SEQUENCE public.d", "sequence public.d"},
      {"FUNCTION public.e() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.e"},
      {"DOMAIN public.f AS int", "type public.f"},
      {"TYPE public.g AS (x int)", "type public.g"},
      {"PUBLICATION h", "publication h"}};
  for (const auto& [made, name] : things) {
    Must(fmt::format("CREATE {}", made));
    EXPECT_EQ(found(), name);
    const std::string kind = std::string(made).substr(0, std::string(made).find(' '));
    Must(fmt::format("DROP {} {}", kind, std::string(name).substr(std::string(name).find(' '))));
  }
  Must("SELECT lo_create(99)");
  EXPECT_EQ(found(), "large object 99");
}

TEST_F(DatabaseRestoreTest, RolesThatAreMissingAreNamedAndMade) {
  LoadSession session = Session();
  auto missing = FindMissingRoles(session.connection, {"z \"\\,{", "plain", "absent", "postgres"});
  ASSERT_TRUE(missing.ok()) << missing.error().message;
  EXPECT_EQ(*missing, (std::vector<std::string>{"z \"\\,{", "absent"}));
  for (const std::string& role : *missing) {
    ASSERT_TRUE(CreateStubRole(session.connection, role).ok());
  }
  EXPECT_EQ(Must("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'absent'"), "f");
  missing = FindMissingRoles(session.connection, *missing);
  ASSERT_TRUE(missing.ok());
  EXPECT_TRUE(missing->empty());
}

TEST_F(DatabaseRestoreTest, ExtensionsAreOfferedOrNot) {
  LoadSession session = Session();
  auto there = FindExtension(session.connection, "plpgsql");
  ASSERT_TRUE(there.ok()) << there.error().message;
  EXPECT_TRUE(there->available);
  EXPECT_EQ(there->version, "1.0");
  auto absent = FindExtension(session.connection, "nobody's");
  ASSERT_TRUE(absent.ok());
  EXPECT_FALSE(absent->available);
}

TEST_F(DatabaseRestoreTest, MaterializedViewsAreFilledThoseThatOthersReadFirst) {
  Must(
      "CREATE TABLE public.t AS SELECT 1 AS x;"
      "CREATE MATERIALIZED VIEW public.z AS SELECT x FROM public.t WITH NO DATA;"
      "CREATE MATERIALIZED VIEW public.a AS SELECT x FROM public.z WITH NO DATA;"
      "CREATE MATERIALIZED VIEW public.was_empty AS SELECT x FROM public.t WITH NO DATA");
  LoadSession session = Session();
  Status filled = FillMaterializedViews(session.connection, {{"public", "a"}, {"public", "z"}});
  ASSERT_TRUE(filled.ok()) << filled.error().message;
  EXPECT_EQ(Must("SELECT relispopulated FROM pg_class WHERE relname = 'was_empty'"), "f");
  EXPECT_EQ(Must("SELECT x FROM public.a"), "1");
  Must(
      "CREATE MATERIALIZED VIEW public.bad AS SELECT 1 / (x - 1) AS y FROM public.t WITH NO DATA;"
      "REFRESH MATERIALIZED VIEW public.z WITH NO DATA");
  filled = FillMaterializedViews(session.connection, {{"public", "bad"}, {"public", "z"}});
  ASSERT_FALSE(filled.ok());
  EXPECT_NE(filled.error().message.find("\"public\".\"bad\""), std::string::npos)
      << filled.error().message;
  EXPECT_EQ(Must("SELECT x FROM public.z"), "1") << "the others are filled";
}

TEST_F(DatabaseRestoreTest, EveryTableIsAnalyzedOnce) {
  Must(
      "CREATE TABLE public.t AS SELECT generate_series(1, 10) AS x;"
      "CREATE TABLE public.p (k int) PARTITION BY LIST (k);"
      "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1);"
      "INSERT INTO public.p SELECT 1 FROM generate_series(1, 10)");
  LoadSession session = Session();
  auto statements = AnalyzeStatements(session.connection);
  ASSERT_TRUE(statements.ok());
  EXPECT_EQ(*statements,
            (std::vector<std::string>{"ANALYZE \"public\".\"p\"", "ANALYZE \"public\".\"t\""}));
  for (const std::string& statement : *statements) {
    ASSERT_TRUE(session.connection.Query(statement).ok());
  }
  EXPECT_EQ(Must("SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_stats "
                 "WHERE schemaname = 'public'"),
            "p,p1,t");
}

// A dump of one database, restored into others.
class SchemaRestoreTest : public DatabaseRestoreTest {
 protected:
  SchemaRestoreTest() {
    Must(
        "CREATE TABLE public.t (id serial PRIMARY KEY, x int);"
        "CREATE INDEX t_x ON public.t (x);"
        "CREATE TABLE public.child (id int REFERENCES public.t (id));"
        "COMMENT ON INDEX public.t_x IS 'fast'");
    auto directory = cluster_->MakeDirectory(database_);
    CHECK(directory.ok());
    archive_.path = *directory + "/schema.dump";
    auto program = postgres::FindClientProgram("pg_restore", 15, "");
    CHECK(program.ok());
    archive_.pg_restore = *program;
    auto dumped = cluster_->Run({"pg_dump", "--schema-only", "--format=custom", "--compress=0",
                                 "--dbname=" + cluster_->ConnectionString(database_),
                                 "--file=" + archive_.path});
    CHECK(dumped.ok() && dumped->exit_code == 0);
    Must(fmt::format("CREATE DATABASE {}_new TEMPLATE template0", database_), "postgres");
  }

  LoadSession NewDatabase() const {
    auto session = OpenLoadSession(cluster_->ConnectionString(database_ + "_new"), RowText::kUtf8);
    CHECK(session.ok());
    return std::move(session).value();
  }
  std::string InNew(const std::string& sql) const { return Must(sql, database_ + "_new"); }

  SchemaArchive archive_;
};

std::vector<uint32_t> IdsOf(const SchemaArchive& archive, SchemaSection section) {
  auto entries = ListSection(archive, section);
  EXPECT_TRUE(entries.ok()) << entries.error().message;
  std::vector<uint32_t> ids;
  for (const ArchiveEntry& entry : *entries) ids.push_back(entry.id);
  return ids;
}

TEST_F(SchemaRestoreTest, SectionsComeOneAfterTheOther) {
  LoadSession session = NewDatabase();
  auto script = ScriptOf(archive_, IdsOf(archive_, SchemaSection::kPreData), OwnersInScript::kGiven,
                         archive_.path + ".entries");
  ASSERT_TRUE(script.ok()) << script.error().message;
  Status made = session.connection.RunScript(*script);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(InNew("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'child')"), "2");
  EXPECT_EQ(InNew("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass"), "0");
  made = RestoreBeside(session.connection, archive_, IdsOf(archive_, SchemaSection::kPostData), 2,
                       archive_.path + ".entries");
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(InNew("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass"), "2");
  EXPECT_EQ(InNew("SELECT obj_description('public.t_x'::regclass)"), "fast");
}

TEST_F(SchemaRestoreTest, WhatTheServerSaysIsTheErrorAndNothingIsLeft) {
  InNew("CREATE TABLE public.child ()");
  LoadSession session = NewDatabase();
  auto script = ScriptOf(archive_, IdsOf(archive_, SchemaSection::kPreData), OwnersInScript::kGiven,
                         archive_.path + ".entries");
  ASSERT_TRUE(script.ok()) << script.error().message;
  Status made = session.connection.RunScript(*script);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message.find("already exists"), std::string::npos) << made.error().message;
  EXPECT_EQ(InNew("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
}

TEST_F(SchemaRestoreTest, EntriesAreListedAndRestoredByTheirIds) {
  auto entries = ListArchive(archive_);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  const std::string oid = Must("SELECT 'public.t'::regclass::oid");
  auto table = std::ranges::find_if(*entries, [&](const ArchiveEntry& entry) {
    return entry.catalog == 1259 && std::to_string(entry.oid) == oid;
  });
  ASSERT_NE(table, entries->end());
  EXPECT_EQ(table->text, "TABLE public t postgres");
  auto key = std::ranges::find_if(*entries, [&](const ArchiveEntry& entry) {
    return entry.text.starts_with("CONSTRAINT public t t_pkey");
  });
  ASSERT_NE(key, entries->end());
  EXPECT_EQ(key->needs, std::vector<uint32_t>{table->id});
  LoadSession session = NewDatabase();
  Status made = RestoreEntries(session.connection, archive_, {table->id, key->id},
                               archive_.path + ".entries");
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(InNew("SELECT count(*) FROM pg_class WHERE relname IN ('t', 't_pkey', 't_x', 'child')"),
            "2");
}

std::string Filtered(std::vector<bool> keep, const std::vector<std::string>& pieces) {
  FieldFilter filter(std::move(keep));
  std::string kept;
  for (const std::string& piece : pieces) {
    auto part = filter.Filter(AsBytes(piece));
    if (!part.ok()) return "damaged";
    kept += AsText(*part);
  }
  return kept;
}

TEST(FieldFilterTest, FieldsAreLeftOutWhereverThePiecesEnd) {
  const std::string rows = "1\ttwo\t\\N\n\t\t\n4\ta\\tb\tc\n";
  for (size_t cut = 0; cut <= rows.size(); ++cut) {
    const std::vector<std::string> pieces = {rows.substr(0, cut), rows.substr(cut)};
    EXPECT_EQ(Filtered({true, true, true}, pieces), rows);
    EXPECT_EQ(Filtered({true, false, true}, pieces), "1\t\\N\n\t\n4\tc\n");
    EXPECT_EQ(Filtered({false, true, true}, pieces), "two\t\\N\n\t\na\\tb\tc\n");
    EXPECT_EQ(Filtered({true, true, false}, pieces), "1\ttwo\n\t\n4\ta\\tb\n");
    EXPECT_EQ(Filtered({false, false, true}, pieces), "\\N\n\nc\n");
  }
}

TEST(FieldFilterTest, AnotherNumberOfFieldsIsDamage) {
  EXPECT_EQ(Filtered({true, false}, {"1\t2\t3\n"}), "damaged");
  EXPECT_EQ(Filtered({true, false}, {"1\n"}), "damaged");
}

}  // namespace
}  // namespace pgcairn::sources
