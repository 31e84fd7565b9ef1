#include "postgres/database_facts.h"

#include <gtest/gtest.h>

#include <memory>

#include "postgres/testing/scratch_cluster.h"

namespace pgcairn::postgres {
namespace {

class DatabaseFactsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = testing::ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
    for (const char* sql :
         {"CREATE ROLE plain LOGIN", "CREATE ROLE few LOGIN CONNECTION LIMIT 2",
          "CREATE DATABASE \"Other one\" ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' "
          "LC_CTYPE 'C' CONNECTION LIMIT 7"}) {
      auto done = cluster_->Sql(sql);
      ASSERT_TRUE(done.ok()) << done.error().message;
    }
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static Connection Open(const std::string& more) {
    auto connection = Connection::Open(cluster_->ConnectionString() + more, "pgcairn test");
    CHECK(connection.ok());
    return std::move(connection).value();
  }

  static inline std::unique_ptr<testing::ScratchCluster> cluster_;
};

TEST_F(DatabaseFactsTest, AreKnownToARoleWithoutRights) {
  Connection connection = Open(" user=plain dbname='Other one'");
  auto facts = ReadDatabaseFacts(connection);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->database, "Other one");
  EXPECT_EQ(facts->encoding, "LATIN1");
  EXPECT_EQ(facts->major, facts->version_num / 10'000);
  EXPECT_FALSE(facts->superuser);
  EXPECT_NE(facts->system_identifier.value, 0u);
  EXPECT_GE(facts->wal_segment_size, uint64_t{1} << 20);
  EXPECT_EQ(facts->free_connections, 6) << "of the database's seven one is in use";
}

TEST_F(DatabaseFactsTest, TheLimitOfTheRoleCounts) {
  Connection connection = Open(" user=few");
  auto facts = ReadDatabaseFacts(connection);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->free_connections, 1);
}

TEST_F(DatabaseFactsTest, SessionsOfOthersTakeTheirPlaces) {
  Connection connection = Open(" user=plain");
  auto before = ReadDatabaseFacts(connection);
  ASSERT_TRUE(before.ok()) << before.error().message;
  Connection other = Open("");
  auto after = ReadDatabaseFacts(connection);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_EQ(after->free_connections, before->free_connections - 1);
  auto as_superuser = ReadDatabaseFacts(other);
  ASSERT_TRUE(as_superuser.ok()) << as_superuser.error().message;
  EXPECT_TRUE(as_superuser->superuser);
}

}  // namespace
}  // namespace pgcairn::postgres
