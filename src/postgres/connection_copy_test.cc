#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection.h"
#include "postgres/testing/scratch_cluster.h"

namespace pgcairn::postgres {
namespace {

class ConnectionCopyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = testing::ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    ASSERT_TRUE(cluster_->Start().ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static Connection MustOpen() {
    auto connection = Connection::Open(fmt::format("host={} port={} dbname=postgres user=postgres",
                                                   cluster_->socket_directory(), cluster_->port()),
                                       "pgcairn test");
    if (!connection.ok()) {
      ADD_FAILURE() << connection.error().message;
      std::abort();
    }
    return std::move(connection).value();
  }

  void Sql(const std::string& sql) {
    Status done = connection_.Query(sql).status();
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  Result<uint64_t> CopyOut(const std::string& sql) {
    rows_.clear();
    return connection_.CopyOut(sql, [&](ByteView row) {
      rows_.emplace_back(AsText(row));
      return Status();
    });
  }

  Result<uint64_t> CopyIn(const std::string& sql, const std::vector<std::string>& pieces) {
    size_t at = 0;
    return connection_.CopyIn(sql, [&]() -> Result<ByteView> {
      return at == pieces.size() ? ByteView() : AsBytes(pieces[at++]);
    });
  }

  static inline std::unique_ptr<testing::ScratchCluster> cluster_;
  Connection connection_ = MustOpen();
  std::vector<std::string> rows_;
};

TEST_F(ConnectionCopyTest, RowsComeOneByOneAsTheServerWritesThem) {
  Result<uint64_t> count = CopyOut(
      "COPY (SELECT * FROM (VALUES (1, E'a\\tb'), (2, NULL), (3, E'line\\nend'), (4, '')) v) "
      "TO STDOUT");
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(*count, 4u);
  EXPECT_EQ(rows_,
            (std::vector<std::string>{"1\ta\\tb\n", "2\t\\N\n", "3\tline\\nend\n", "4\t\n"}));
}

TEST_F(ConnectionCopyTest, NoRowsAreNone) {
  Result<uint64_t> count = CopyOut("COPY (SELECT 1 WHERE false) TO STDOUT");
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(*count, 0u);
  EXPECT_TRUE(rows_.empty());
}

TEST_F(ConnectionCopyTest, ARowWithoutColumnsIsAnEmptyLine) {
  Sql("CREATE TEMP TABLE nothing ()");
  Sql("INSERT INTO nothing DEFAULT VALUES");
  Result<uint64_t> count = CopyOut("COPY nothing TO STDOUT");
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(rows_, std::vector<std::string>{"\n"});
  count = CopyIn("COPY nothing FROM STDIN", rows_);
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(connection_.QueryCell("SELECT count(*) FROM nothing").value(), "2");
}

TEST_F(ConnectionCopyTest, ALongRowComesWhole) {
  Result<uint64_t> count = CopyOut("COPY (SELECT repeat('x', 30000000)) TO STDOUT");
  ASSERT_TRUE(count.ok()) << count.error().message;
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0], std::string(30'000'000, 'x') + "\n");
}

TEST_F(ConnectionCopyTest, ManyRowsAreTheSameInLargePieces) {
  const char* const kSql =
      "COPY (SELECT i, repeat('x', i % 500) FROM generate_series(1, 50000) i) TO STDOUT";
  ASSERT_TRUE(CopyOut(kSql).ok());
  const std::vector<std::string> in_small_pieces = std::exchange(rows_, {});
  ASSERT_TRUE(connection_.ExpectManyRows().ok());
  Result<uint64_t> count = CopyOut(kSql);
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(*count, 50'000u);
  EXPECT_TRUE(rows_ == in_small_pieces);
  ASSERT_FALSE(
      CopyOut("COPY (SELECT 1 / (40000 - i) FROM generate_series(1, 50000) i) TO STDOUT").ok());
  EXPECT_EQ(connection_.QueryCell("SELECT 7").value(), "7");
}

TEST_F(ConnectionCopyTest, AnErrorBehindSomeRowsIsOneAndTheSessionGoesOn) {
  Result<uint64_t> count =
      CopyOut("COPY (SELECT 1 / (5 - i) FROM generate_series(1, 9) i) TO STDOUT");
  ASSERT_FALSE(count.ok());
  EXPECT_NE(count.error().message.find("division by zero"), std::string::npos);
  EXPECT_EQ(connection_.QueryCell("SELECT 7").value(), "7");
}

TEST_F(ConnectionCopyTest, AStatementThatFailsAtOnceIsAnError) {
  Result<uint64_t> count = CopyOut("COPY no_such_table TO STDOUT");
  EXPECT_EQ(count.code(), Code::kNotFound) << count.error().message;
  EXPECT_EQ(connection_.QueryCell("SELECT 7").value(), "7");
}

TEST_F(ConnectionCopyTest, AnErrorOfTheTakerEndsTheSession) {
  uint64_t taken = 0;
  Result<uint64_t> count = connection_.CopyOut(
      "COPY (SELECT generate_series(1, 10000000)) TO STDOUT", [&](ByteView) -> Status {
        if (++taken == 3) return Error{Code::kNoSpace, "full", ""};
        return {};
      });
  EXPECT_EQ(count.code(), Code::kNoSpace);
  EXPECT_EQ(taken, 3u);
  EXPECT_EQ(connection_.Query("SELECT 1").code(), Code::kConnection);
}

TEST_F(ConnectionCopyTest, AServerThatEndsTheSessionMidwayIsAnError) {
  Connection other = MustOpen();
  const std::string pid = connection_.QueryCell("SELECT pg_backend_pid()").value();
  bool ended = false;
  Result<uint64_t> count = connection_.CopyOut(
      "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 10000000)) TO STDOUT",
      [&](ByteView) -> Status {
        if (ended) return {};
        ended = true;
        return other.Query("SELECT pg_terminate_backend(" + pid + ")").status();
      });
  ASSERT_FALSE(count.ok());
  EXPECT_EQ(connection_.Query("SELECT 1").code(), Code::kConnection);
}

TEST_F(ConnectionCopyTest, PiecesThatAreNoRowsBecomeRows) {
  Sql("CREATE TEMP TABLE taken (id int, text text)");
  Result<uint64_t> count = CopyIn(
      "COPY taken FROM STDIN", {"1\tab", "c\n2\t\\N", "\n3\t" + std::string(3'000'000, 'y'), "\n"});
  ASSERT_TRUE(count.ok()) << count.error().message;
  EXPECT_EQ(*count, 3u);
  EXPECT_EQ(connection_
                .QueryCell("SELECT string_agg(id || coalesce(left(text, 3), '-'), ' ' ORDER BY "
                           "id) || max(length(text)) FROM taken")
                .value(),
            "1abc 2- 3yyy3000000");
}

TEST_F(ConnectionCopyTest, ARowThatTheServerRefusesIsAnErrorAndNoRowStays) {
  Sql("CREATE TEMP TABLE taken (id int)");
  Result<uint64_t> count = CopyIn("COPY taken FROM STDIN", {"1\n", "two\n", "3\n"});
  ASSERT_FALSE(count.ok());
  EXPECT_NE(count.error().message.find("two"), std::string::npos);
  EXPECT_EQ(connection_.QueryCell("SELECT count(*) FROM taken").value(), "0");
}

TEST_F(ConnectionCopyTest, AnErrorOfTheGiverIsPassedOnAndNoRowStays) {
  Sql("CREATE TEMP TABLE taken (id int)");
  bool given = false;
  Result<uint64_t> count = connection_.CopyIn("COPY taken FROM STDIN", [&]() -> Result<ByteView> {
    if (given) return Error{Code::kDamaged, "a pack is damaged", ""};
    given = true;
    return AsBytes("1\n2\n");
  });
  EXPECT_EQ(count.code(), Code::kDamaged);
  EXPECT_EQ(connection_.QueryCell("SELECT count(*) FROM taken").value(), "0");
}

}  // namespace
}  // namespace pgcairn::postgres
