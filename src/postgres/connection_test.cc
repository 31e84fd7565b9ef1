#include "postgres/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>

#include "postgres/testing/fake_pooler.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::postgres {
namespace {

constexpr char kPassword[] = "hunter2-correct-horse";

// One server for all; its pg_hba.conf asks "keeper" for a password and rejects "outcast".
class ConnectionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = testing::ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    std::string hba = cluster_->data_directory() + "/pg_hba.conf";
    auto file = Open(hba, O_WRONLY | O_TRUNC);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(WriteAll(file->get(),
                         AsBytes("local all keeper scram-sha-256\n"
                                 "local all outcast reject\n"
                                 "local all,replication postgres,plain trust\n"),
                         hba)
                    .ok());
    ASSERT_TRUE(cluster_->Start().ok());
    auto made = cluster_->Sql(
        fmt::format("CREATE ROLE keeper LOGIN PASSWORD '{}'; CREATE ROLE outcast LOGIN; "
                    "CREATE ROLE plain LOGIN; CREATE TABLE secret (a int)",
                    kPassword));
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static std::string Conninfo(std::string_view user, std::string_view more = "") {
    return fmt::format("host={} port={} dbname=postgres user={} {}", cluster_->socket_directory(),
                       cluster_->port(), user, more);
  }
  static Connection MustOpen(const std::string& conninfo) {
    auto connection = Connection::Open(conninfo, "pgcairn test");
    if (!connection.ok()) {
      ADD_FAILURE() << connection.error().message;
      std::abort();
    }
    return std::move(connection).value();
  }

  static std::unique_ptr<testing::ScratchCluster> cluster_;
};
std::unique_ptr<testing::ScratchCluster> ConnectionTest::cluster_;

TEST_F(ConnectionTest, NullDiffersFromEmpty) {
  Connection connection = MustOpen(Conninfo("postgres"));
  auto rows = connection.Query("SELECT NULL AS a, '' AS b, $1 AS c, E'\\t\\n' AS d", {"x'y\\"});
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"a", "b", "c", "d"}));
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->rows[0], (Row{std::nullopt, "", "x'y\\", "\t\n"}));
}

TEST_F(ConnectionTest, NoRowsAndNoColumnsAreFine) {
  Connection connection = MustOpen(Conninfo("postgres"));
  EXPECT_TRUE(connection.Query("SELECT 1 WHERE false")->rows.empty());
  EXPECT_TRUE(connection.Query("SET work_mem = '1MB'")->rows.empty());
  EXPECT_EQ(connection.QueryCell("SELECT 1 WHERE false").code(), Code::kFailed);
  EXPECT_EQ(connection.QueryCell("SELECT NULL").code(), Code::kFailed);
  EXPECT_EQ(connection.Query("SELECT $1", {std::string("a\0b", 3)}).code(), Code::kUsage);
}

TEST_F(ConnectionTest, SessionSettingsDoNotDependOnTheRole) {
  ASSERT_TRUE(cluster_
                  ->Sql("ALTER ROLE plain SET statement_timeout = 777; "
                        "ALTER ROLE plain SET lock_timeout = 777; "
                        "ALTER ROLE plain SET idle_session_timeout = 777; "
                        "ALTER ROLE plain SET idle_in_transaction_session_timeout = 777; "
                        "ALTER ROLE plain SET datestyle = 'German'; "
                        "ALTER ROLE plain SET intervalstyle = 'iso_8601'; "
                        "ALTER ROLE plain SET extra_float_digits = 0; "
                        "ALTER ROLE plain SET client_encoding = 'LATIN1'; "
                        "ALTER ROLE plain SET TimeZone = 'Asia/Tokyo'; "
                        "ALTER ROLE plain SET search_path = 'somewhere'")
                  .ok());
  Connection connection = MustOpen(Conninfo("plain"));
  auto rows = connection.Query(
      "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', "
      "'idle_session_timeout', 'idle_in_transaction_session_timeout', 'DateStyle', "
      "'IntervalStyle', 'extra_float_digits', 'client_encoding', 'TimeZone', 'search_path', "
      "'application_name') ORDER BY pg_catalog.lower(name) COLLATE \"C\"");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  std::string all;
  for (const Row& row : rows->rows) all += fmt::format("{}={};", *row[0], *row[1]);
  EXPECT_EQ(all,
            "application_name=pgcairn test;client_encoding=UTF8;DateStyle=ISO, DMY;"
            "extra_float_digits=3;idle_in_transaction_session_timeout=0;idle_session_timeout=0;"
            "IntervalStyle=postgres;lock_timeout=0;search_path=;statement_timeout=0;TimeZone=UTC;");
}

TEST_F(ConnectionTest, ErrorsCarryCodeTextAndHintOfTheServer) {
  Connection connection = MustOpen(Conninfo("plain"));
  auto denied = connection.Query("SELECT * FROM public.secret");
  EXPECT_EQ(denied.code(), Code::kPermission);
  EXPECT_EQ(denied.error().message, "permission denied for table secret [SQLSTATE 42501]");
  EXPECT_EQ(connection.Query("SELECT * FROM public.nowhere").code(), Code::kNotFound);
  EXPECT_EQ(connection.Query("SELECT 1/0").code(), Code::kFailed);
  auto hinted = connection.Query("SELECT pg_catalog.no_such_function(1)");
  EXPECT_EQ(hinted.code(), Code::kNotFound);
  EXPECT_NE(hinted.error().hint.find("No function matches"), std::string::npos);
  EXPECT_EQ(connection.Query("DO $$ BEGIN RAISE feature_not_supported; END $$").code(),
            Code::kUnsupported);
  EXPECT_TRUE(connection.Query("SELECT 1").ok()) << "an error must not end the session";
}

TEST_F(ConnectionTest, ASessionEndedByTheServerIsAConnectionError) {
  Connection connection = MustOpen(Conninfo("postgres"));
  std::string pid = *connection.QueryCell("SELECT pg_catalog.pg_backend_pid()");
  ASSERT_TRUE(cluster_->Sql("SELECT pg_terminate_backend(" + pid + ", 10000)").ok());
  EXPECT_EQ(connection.Query("SELECT 1").code(), Code::kConnection);
  EXPECT_EQ(connection.Query("SELECT 1").code(), Code::kConnection);
}

TEST_F(ConnectionTest, AClosedOrMovedFromConnectionSaysSo) {
  Connection connection = MustOpen(Conninfo("postgres"));
  EXPECT_EQ(connection.server_major(), 15);
  EXPECT_EQ(connection.user(), "postgres");
  Connection moved = std::move(connection);
  EXPECT_TRUE(moved.Query("SELECT 1").ok());
  moved.Close();
  EXPECT_EQ(moved.Query("SELECT 1").code(), Code::kConnection);
  EXPECT_EQ(moved.QueryUnconverted("SELECT 1").code(), Code::kConnection);
  EXPECT_EQ(moved.BehindPooler().code(), Code::kConnection);
  EXPECT_EQ(moved.server_version_num(), 0);
}

TEST_F(ConnectionTest, ARightPasswordLogsIn) {
  Connection connection = MustOpen(Conninfo("keeper", fmt::format("password={}", kPassword)));
  EXPECT_EQ(*connection.QueryCell("SELECT current_user"), "keeper");
}

TEST_F(ConnectionTest, PasswordsAreInNoError) {
  std::string wrong = std::string(kPassword) + "x";
  for (const std::string& conninfo :
       {Conninfo("keeper", "password=" + wrong), Conninfo("outcast", "password=" + wrong),
        Conninfo("keeper", fmt::format("password={} connect_timeout=soon", wrong)),
        Conninfo("keeper", fmt::format("password={} sslmode=sometimes", wrong)),
        fmt::format("postgresql://keeper:{}@localhost:1/postgres", wrong),
        fmt::format("postgresql://keeper:{}@host.invalid/postgres", wrong),
        fmt::format("postgresql://keeper:my@{}@localhost/postgres", wrong)}) {
    auto refused = Connection::Open(conninfo, "pgcairn test");
    ASSERT_FALSE(refused.ok());
    std::string said = refused.error().message + refused.error().hint;
    EXPECT_EQ(said.find(kPassword), std::string::npos) << said;
  }
  // A server that repeats what it was sent.
  Connection connection = MustOpen(Conninfo("keeper", fmt::format("password={}", kPassword)));
  auto echoed = connection.Query(fmt::format("SELECT '{}'::pg_catalog.int4", kPassword));
  ASSERT_FALSE(echoed.ok());
  EXPECT_EQ(echoed.error().message.find(kPassword), std::string::npos) << echoed.error().message;
}

TEST_F(ConnectionTest, RefusedLogInsSayWhatToDo) {
  auto wrong = Connection::Open(Conninfo("keeper", "password=wrong"), "pgcairn test");
  EXPECT_EQ(wrong.code(), Code::kPermission);
  EXPECT_NE(wrong.error().hint.find("password"), std::string::npos);
  auto none = Connection::Open(Conninfo("keeper", "passfile=/nonexistent"), "pgcairn test");
  EXPECT_EQ(none.code(), Code::kPermission);
  EXPECT_NE(none.error().hint.find("PGPASSWORD"), std::string::npos);
  auto rejected = Connection::Open(Conninfo("outcast"), "pgcairn test");
  EXPECT_EQ(rejected.code(), Code::kPermission);
  EXPECT_NE(rejected.error().hint.find("reject"), std::string::npos);
  auto unlisted = Connection::Open(Conninfo("nobody_at_all"), "pgcairn test");
  EXPECT_EQ(unlisted.code(), Code::kPermission);
  EXPECT_NE(unlisted.error().hint.find("pg_hba.conf"), std::string::npos);
  auto database = Connection::Open(Conninfo("postgres", "dbname=nowhere"), "pgcairn test");
  EXPECT_EQ(database.code(), Code::kNotFound);
  EXPECT_NE(database.error().hint.find("database"), std::string::npos);
}

TEST_F(ConnectionTest, NoServerThereIsAConnectionErrorWithAHint) {
  auto socket = Connection::Open("host=/nonexistent port=5432 user=postgres", "pgcairn test");
  EXPECT_EQ(socket.code(), Code::kConnection);
  EXPECT_NE(socket.error().hint.find("socket"), std::string::npos);

  // Bound, not listening: refuses, and nobody else can take the port meanwhile.
  UniqueFd bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(bound.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto tcp = Connection::Open(
      fmt::format("host=127.0.0.1 port={} user=postgres", ntohs(address.sin_port)), "pgcairn test");
  EXPECT_EQ(tcp.code(), Code::kConnection);
  EXPECT_NE(tcp.error().hint.find("listen_addresses"), std::string::npos);
}

TEST_F(ConnectionTest, AnEmptyStringLeavesAllToTheEnvironment) {
  ::setenv("PGHOST", cluster_->socket_directory().c_str(), 1);
  ::setenv("PGPORT", std::to_string(cluster_->port()).c_str(), 1);
  ::setenv("PGUSER", "postgres", 1);
  ::setenv("PGDATABASE", "postgres", 1);
  ::setenv("PGAPPNAME", "from outside", 1);
  Connection connection = MustOpen("");
  for (const char* name : {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGAPPNAME"}) {
    ::unsetenv(name);
  }
  EXPECT_EQ(*connection.QueryCell("SELECT pg_catalog.current_setting('application_name')"),
            "from outside");
}

TEST_F(ConnectionTest, NoticesAreLoggedAtDebugAndNeverPrinted) {
  Connection connection = MustOpen(Conninfo("postgres"));
  auto notice = [&] {
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(connection.Query("DO $$ BEGIN RAISE NOTICE 'look here'; END $$").ok());
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(notice(), "");
  LogLevel before = GetLogLevel();
  SetLogLevel(LogLevel::kDebug);
  std::string shown = notice();
  SetLogLevel(before);
  EXPECT_EQ(shown, "DEBUG: PostgreSQL says: look here\n");
}

TEST_F(ConnectionTest, UnconvertedCellsAreTheServersBytes) {
  ASSERT_TRUE(cluster_->Sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0").ok());
  ASSERT_TRUE(cluster_->Sql("CREATE DATABASE ascii ENCODING SQL_ASCII TEMPLATE template0").ok());
  Connection latin = MustOpen(Conninfo("postgres", "dbname=latin"));
  constexpr char kSql[] = "SELECT pg_catalog.chr(228)";
  EXPECT_EQ(*latin.QueryCell(kSql), "\xC3\xA4");
  EXPECT_EQ(*latin.QueryUnconverted(kSql)->rows[0][0], "\xE4");
  EXPECT_EQ(*latin.QueryCell(kSql), "\xC3\xA4") << "the session must be back at UTF-8";
  EXPECT_FALSE(latin.QueryUnconverted("SELECT 1/0").ok());
  EXPECT_EQ(*latin.QueryCell(kSql), "\xC3\xA4");

  Connection ascii = MustOpen(Conninfo("postgres", "dbname=ascii"));
  constexpr char kNotUtf8[] =
      "SELECT pg_catalog.convert_from(pg_catalog.decode('e4', 'hex'), 'SQL_ASCII')";
  EXPECT_FALSE(ascii.Query(kNotUtf8).ok());
  EXPECT_EQ(*ascii.QueryUnconverted(kNotUtf8)->rows[0][0], "\xE4");
}

TEST_F(ConnectionTest, APoolerInBetweenIsNoticed) {
  Connection direct = MustOpen(Conninfo("postgres"));
  EXPECT_FALSE(*direct.BehindPooler());
  auto directory = cluster_->MakeDirectory("pooler");
  ASSERT_TRUE(directory.ok());
  auto pooler = testing::FakePooler::Start(
      *directory, 6543,
      fmt::format("{}/.s.PGSQL.{}", cluster_->socket_directory(), cluster_->port()));
  ASSERT_TRUE(pooler.ok()) << pooler.error().message;
  Connection pooled = MustOpen((*pooler)->ConnectionString());
  EXPECT_TRUE(*pooled.BehindPooler());
}

}  // namespace
}  // namespace pgcairn::postgres
