#include "sources/logical/database_catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "postgres/testing/scratch_cluster.h"
#include "sources/logical/roles_dump.h"

namespace pgcairn::sources {
namespace {

class DatabaseCatalogTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = postgres::testing::ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
    Must(
        "CREATE ROLE writer LOGIN PASSWORD 'a secret'; CREATE ROLE reader; CREATE ROLE idle;"
        "CREATE SCHEMA \"Odd \"\"one\";"
        "CREATE SEQUENCE public.used MINVALUE -5 START -5;"
        "CREATE SEQUENCE \"Odd \"\"one\".\"sö\" START 9000000000;"
        "CREATE TABLE public.mine (id int GENERATED ALWAYS AS IDENTITY);"
        "ALTER TABLE public.mine OWNER TO writer; GRANT SELECT ON public.mine TO reader;"
        "SELECT nextval('public.used'), nextval('public.used');"
        "SELECT lo_from_bytea(4711, decode(repeat('00ff', 200000), 'hex')), lo_create(4712),"
        "       lo_from_bytea(4713, 'private');"
        "ALTER LARGE OBJECT 4711 OWNER TO writer;"
        "GRANT SELECT ON LARGE OBJECT 4711 TO reader WITH GRANT OPTION;"
        "GRANT UPDATE ON LARGE OBJECT 4711 TO PUBLIC;"
        "COMMENT ON LARGE OBJECT 4712 IS 'it''s empty'");
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static void Must(const std::string& sql) {
    auto done = cluster_->Sql(sql);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  static postgres::Connection Open(const std::string& more = "") {
    auto connection =
        postgres::Connection::Open(cluster_->ConnectionString() + more, "pgcairn test");
    CHECK(connection.ok());
    return std::move(connection).value();
  }
  static DatabaseCatalog Read(postgres::Connection& connection) {
    EXPECT_TRUE(connection.Query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ok());
    auto catalog = ReadDatabaseCatalog(connection);
    EXPECT_TRUE(catalog.ok()) << catalog.error().message;
    return std::move(catalog).value();
  }

  static inline std::unique_ptr<postgres::testing::ScratchCluster> cluster_;
};

TEST_F(DatabaseCatalogTest, SequencesHaveTheirValues) {
  postgres::Connection connection = Open();
  const DatabaseCatalog catalog = Read(connection);
  ASSERT_EQ(catalog.sequences.size(), 3u);
  EXPECT_EQ(catalog.sequences[0].schema, "Odd \"one");
  EXPECT_EQ(catalog.sequences[0].name, "sö");
  EXPECT_EQ(catalog.sequences[0].last_value, 9'000'000'000);
  EXPECT_FALSE(catalog.sequences[0].is_called);
  EXPECT_EQ(catalog.sequences[1].name, "mine_id_seq");
  EXPECT_EQ(catalog.sequences[2].name, "used");
  EXPECT_EQ(catalog.sequences[2].last_value, -4);
  EXPECT_TRUE(catalog.sequences[2].is_called);
  EXPECT_TRUE(catalog.left_out.empty());
}

TEST_F(DatabaseCatalogTest, LargeObjectsHaveOwnersGrantsAndComments) {
  postgres::Connection connection = Open();
  const DatabaseCatalog catalog = Read(connection);
  ASSERT_EQ(catalog.large_objects.size(), 3u);
  const LargeObject& granted = catalog.large_objects[0];
  EXPECT_EQ(granted.oid, 4711u);
  EXPECT_EQ(granted.size, 400'000u);
  EXPECT_EQ(granted.owner, "writer");
  EXPECT_EQ(granted.grants, (std::vector<std::string>{
                                "GRANT SELECT ON LARGE OBJECT 4711 TO reader WITH GRANT OPTION",
                                "GRANT UPDATE ON LARGE OBJECT 4711 TO PUBLIC"}));
  EXPECT_FALSE(granted.comment.has_value());
  EXPECT_EQ(catalog.large_objects[1].size, 0u);
  EXPECT_EQ(catalog.large_objects[1].comment, "it's empty");
}

TEST_F(DatabaseCatalogTest, PagesOfLargeObjectsAreAllTheirBytes) {
  postgres::Connection connection = Open();
  Read(connection);
  std::vector<std::string> rows;
  auto copied = connection.CopyOut(CopyOfLargeObjects(), [&](ByteView row) {
    rows.emplace_back(AsText(row));
    return Status();
  });
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[0].starts_with("4711\t0\t\\\\x00ff"));
  EXPECT_EQ(rows[0].size(), std::string("4711\t0\t\\\\x\n").size() + 2 * kLargeObjectPageBytes);
  EXPECT_EQ(rows[1].size(),
            std::string("4711\t1\t\\\\x\n").size() + 2 * (400'000 - kLargeObjectPageBytes));
  EXPECT_EQ(rows[2], "4713\t0\t\\\\x70726976617465\n");
}

TEST_F(DatabaseCatalogTest, ViewsThatOthersReadComeFirstWhateverWasMadeFirst) {
  Must(
      "CREATE VIEW public.between AS SELECT 1 AS n;"
      "CREATE MATERIALIZED VIEW public.reads AS SELECT n FROM public.between;"
      "CREATE MATERIALIZED VIEW public.is_read AS SELECT 2 AS n;"
      "CREATE OR REPLACE VIEW public.between AS SELECT n FROM public.is_read;"
      "CREATE MATERIALIZED VIEW public.empty AS SELECT 3 AS n WITH NO DATA");
  postgres::Connection connection = Open();
  std::vector<std::string> names;
  for (const MaterializedView& view : Read(connection).filled_views) names.push_back(view.name);
  EXPECT_EQ(names, (std::vector<std::string>{"is_read", "reads"}));
}

TEST_F(DatabaseCatalogTest, RolesAreThoseThatTheDatabaseNames) {
  postgres::Connection connection = Open();
  const DatabaseCatalog catalog = Read(connection);
  const std::vector<std::string>& roles = catalog.roles;
  EXPECT_EQ(std::count(roles.begin(), roles.end(), "writer"), 1);
  EXPECT_EQ(std::count(roles.begin(), roles.end(), "reader"), 1);
  EXPECT_EQ(std::count(roles.begin(), roles.end(), connection.user()), 1);
  EXPECT_EQ(std::count(roles.begin(), roles.end(), "idle"), 0);
}

// Nothing is left out without a word, and what may not be read ends nothing.
TEST_F(DatabaseCatalogTest, WhatTheRoleMayNotReadIsNamed) {
  postgres::Connection connection = Open(" user=writer");
  const DatabaseCatalog catalog = Read(connection);
  ASSERT_EQ(catalog.large_objects.size(), 1u);
  EXPECT_EQ(catalog.large_objects[0].oid, 4711u);
  ASSERT_EQ(catalog.sequences.size(), 1u);
  EXPECT_EQ(catalog.sequences[0].name, "mine_id_seq");
  std::string lines;
  for (const std::string& line : catalog.left_out) lines += line + "\n";
  for (const char* named : {"Odd \"one.sö", "public.used", "object 4712", "object 4713"}) {
    EXPECT_NE(lines.find(named), std::string::npos) << named;
  }
  auto copied = connection.CopyOut(CopyOfLargeObjects(), [](ByteView) { return Status(); });
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  EXPECT_EQ(*copied, 2u);
}

TEST_F(DatabaseCatalogTest, RolesComeWithPasswordsWhereTheyMayBeRead) {
  auto pg_dumpall = postgres::FindClientProgram("pg_dumpall", 15, "");
  ASSERT_TRUE(pg_dumpall.ok()) << pg_dumpall.error().message;
  auto dump = [&](const std::string& user, bool passwords) {
    postgres::Connection connection = Open(user);
    std::string text;
    Status done = DumpRoles(connection, {*pg_dumpall, "postgres", passwords}, [&](ByteView piece) {
      text += AsText(piece);
      return Status();
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    return text;
  };
  const std::string whole = dump("", true);
  EXPECT_NE(whole.find("CREATE ROLE writer"), std::string::npos);
  EXPECT_NE(whole.find("SCRAM-SHA-256$"), std::string::npos);
  const std::string without = dump(" user=writer", false);
  EXPECT_NE(without.find("CREATE ROLE writer"), std::string::npos);
  EXPECT_EQ(without.find("SCRAM-SHA-256$"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::sources
