#include "postgres/standalone_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>

#include "postgres/connection.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/clock.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

using testing::ScratchCluster;

// PostgreSQL refuses to run as root, so the code under test runs in a child process as the
// cluster's user. `body` returns what went wrong, "" for nothing.
std::string AsServerUser(const ScratchCluster& cluster, const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  pid_t child = ::fork();
  if (child == 0) {
    std::string said;
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(cluster.gid()) != 0 ||
                             ::setuid(cluster.uid()) != 0)) {
      said = "cannot become the cluster's user";
    } else {
      said = body();
    }
    (void)WriteAll(writer.get(), AsBytes(said), "the report");
    ::_exit(0);
  }
  (void)writer.Close("the pipe");
  std::string said;
  char buffer[4096];
  for (;;) {
    ssize_t got = ::read(reader.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    said.append(buffer, static_cast<size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) said += fmt::format(" (the child ended with status {})", status);
  return said;
}

std::string Explain(const Error& error) { return error.message + " / " + error.hint; }

// One cell asked of the server, or the error in its place.
std::string Ask(const StandaloneServer& server, const std::string& sql) {
  auto connection = Connection::Open(server.Conninfo("postgres", "postgres"), "pgcairn test");
  if (!connection.ok()) return Explain(connection.error());
  auto answer = connection->QueryCell(sql);
  return answer.ok() ? *answer : Explain(answer.error());
}

class StandaloneServerTest : public ::testing::Test {
 protected:
  // One cluster for all, stopped before and after each test.
  static void SetUpTestSuite() {
    auto cluster = ScratchCluster::Create();
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    cluster_ = std::move(cluster).value();
    // What a copy of somebody's server brings along.
    for (const std::string& line :
         {std::string("listen_addresses='127.0.0.1'"), std::string("logging_collector=on"),
          std::string("unix_socket_permissions=0777"),
          fmt::format("external_pid_file='{}/foreign.pid'", cluster_->root_directory())}) {
      ASSERT_TRUE(cluster_->Configure(line).ok());
    }
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override {
    auto directory =
        cluster_->MakeDirectory(::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_TRUE(directory.ok());
    directory_ = *directory;
    options_.bin_dir = cluster_->bin_directory();
    options_.data_directory = cluster_->data_directory();
    options_.socket_directory = directory_ + "/so cket'\"\\";
    options_.log_file = directory_ + "/log";
    options_.timeout_s = 120;
  }
  void TearDown() override { EXPECT_TRUE(cluster_->Stop().ok()); }

  static std::unique_ptr<ScratchCluster> cluster_;
  std::string directory_;
  StandaloneServer::Options options_;
};
std::unique_ptr<ScratchCluster> StandaloneServerTest::cluster_;

TEST_F(StandaloneServerTest, RecoversServesAndStops) {
  ASSERT_TRUE(cluster_->Start().ok());
  ASSERT_TRUE(cluster_->Sql("CREATE TABLE t AS SELECT 42 AS a").ok());
  ASSERT_TRUE(cluster_->StopImmediately().ok());
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.settings = {{"work_mem", "3MB"}};
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    if (server->socket_directory() != options_.socket_directory) return "another socket directory";
    std::string row = Ask(*server, "SELECT a FROM public.t");
    if (row != "42") return "row: " + row;
    std::string set = Ask(*server, "SELECT pg_catalog.current_setting('work_mem')");
    if (set != "3MB") return "work_mem: " + set;
    StandaloneServer moved = std::move(server).value();
    if (Status status = moved.Stop(); !status.ok()) return Explain(status.error());
    if (Exists(options_.data_directory + "/postmaster.pid")) return "it still runs";
    if (Status status = moved.Stop(); !status.ok()) return "the second stop failed";
    return "";
  });
  EXPECT_EQ(wrong, "");
  auto log = ReadFile(options_.log_file, 1 << 20);
  ASSERT_TRUE(log.ok());
  EXPECT_NE(AsText(*log).find("redo done"), std::string_view::npos) << "recovery was needed";
  struct stat found {};
  ASSERT_EQ(::stat(options_.log_file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

TEST_F(StandaloneServerTest, NobodyElseCanReachIt) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.settings = {{"listen_addresses", "127.0.0.1"}};
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    for (auto [name, value] : {std::pair("listen_addresses", ""),
                               {"unix_socket_permissions", "0700"},
                               {"external_pid_file", ""},
                               {"logging_collector", "off"}}) {
      std::string shown =
          Ask(*server, fmt::format("SELECT pg_catalog.current_setting('{}')", name));
      if (shown != value) return fmt::format("{} is {}", name, shown);
    }
    if (Exists(cluster_->root_directory() + "/foreign.pid")) return "it wrote somebody's pid file";
    return "";
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, AFailedStartShowsTheEndOfItsLog) {
  ASSERT_TRUE(WriteFileDurably(options_.log_file, AsBytes("an older run\n"), 0666).ok());
  ASSERT_EQ(::chmod(options_.log_file.c_str(), 0666), 0);
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.settings = {{"shared_buffers", "nonsense"}};
    auto server = StandaloneServer::Start(options_);
    if (server.ok()) return "it started";
    if (server.code() != Code::kFailed) return "another code: " + Explain(server.error());
    const Error& error = server.error();
    if (error.message.find("nonsense") == std::string::npos) return "no log: " + Explain(error);
    if (error.message.find("older run") != std::string::npos) return "too much: " + Explain(error);
    if (error.hint.find(options_.log_file) == std::string::npos) return "hint: " + Explain(error);
    return "";
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, AMissingProgramIsNamed) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.bin_dir = "/nonexistent";
    auto server = StandaloneServer::Start(options_);
    if (server.ok() || server.code() != Code::kNotFound) return "not refused";
    if (server.error().message.find("/nonexistent/postgres") == std::string::npos) {
      return Explain(server.error());
    }
    return "";
  });
  EXPECT_EQ(wrong, "");
}

// With hot_standby on, a recovering server calls itself ready too early.
TEST_F(StandaloneServerTest, ItIsReadyWhenArchiveRecoveryIsOver) {
  ASSERT_EQ(
      cluster_->Run({"/usr/bin/touch", options_.data_directory + "/recovery.signal"})->exit_code,
      0);
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    // Slow enough for recovery to be seen from outside, and an end of WAL in every case.
    options_.settings = {{"restore_command", "sleep 0.1; false"}, {"hot_standby", "on"}};
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    std::string recovering = Ask(*server, "SELECT pg_catalog.pg_is_in_recovery()");
    return recovering == "f" ? "" : "in recovery: " + recovering;
  });
  EXPECT_EQ(wrong, "");
  EXPECT_FALSE(Exists(options_.data_directory + "/recovery.signal"));
}

TEST_F(StandaloneServerTest, AStandbyIsNotReady) {
  ASSERT_EQ(
      cluster_->Run({"/usr/bin/touch", options_.data_directory + "/standby.signal"})->exit_code, 0);
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.timeout_s = 3;
    auto server = StandaloneServer::Start(options_);
    if (server.ok()) return "taken for ready";
    if (server.code() != Code::kTimeout) return "another code: " + Explain(server.error());
    if (server.error().message.find("entering standby mode") == std::string::npos) {
      return "no log: " + Explain(server.error());
    }
    if (Exists(options_.data_directory + "/postmaster.pid")) return "it still runs";
    return "";
  });
  EXPECT_EQ(wrong, "");
  ASSERT_EQ(::unlink((options_.data_directory + "/standby.signal").c_str()), 0);
}

TEST_F(StandaloneServerTest, ARunningServersDirectoryIsRefusedAndLeftAlone) {
  ASSERT_TRUE(cluster_->Start().ok());
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    auto server = StandaloneServer::Start(options_);
    if (server.ok()) return "two servers on one directory";
    return server.code() == Code::kFailed ? "" : Explain(server.error());
  });
  EXPECT_EQ(wrong, "");
  EXPECT_EQ(*cluster_->Sql("SELECT 1"), "1");
}

TEST_F(StandaloneServerTest, ALongSocketDirectoryIsReplacedByAShortOne) {
  std::string used;
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.socket_directory = directory_ + "/" + std::string(100, 'x');
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    std::string own = server->socket_directory();
    if (!own.starts_with("/tmp/pgcairn-")) return "socket in " + own;
    struct stat found {};
    if (::stat(own.c_str(), &found) != 0 || (found.st_mode & 0777) != 0700) return "mode";
    if (Ask(*server, "SELECT 1") != "1") return "cannot connect";
    if (Status status = server->Stop(); !status.ok()) return Explain(status.error());
    if (Exists(own)) return "it left " + own;
    options_.socket_directory = directory_ + "/a,b";
    auto comma = StandaloneServer::Start(options_);
    if (!comma.ok()) return Explain(comma.error());
    return Ask(*comma, "SELECT 2") == "2" ? "" : "cannot connect";
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, DestroyingItStopsTheServer) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    pid_t pid = 0;
    {
      auto server = StandaloneServer::Start(options_);
      if (!server.ok()) return Explain(server.error());
      pid = server->pid();
      if (::kill(pid, 0) != 0) return "it does not run";
    }
    return ::kill(pid, 0) != 0 && errno == ESRCH ? "" : "it still runs";
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, ItDoesNotOutliveItsParent) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    ::kill(::getpid(), SIGKILL);
    return "not reached";
  });
  EXPECT_EQ(wrong, fmt::format(" (the child ended with status {})", SIGKILL));
  double deadline = MonotonicSeconds() + 60;
  while (Exists(options_.data_directory + "/postmaster.pid") && MonotonicSeconds() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(Exists(options_.data_directory + "/postmaster.pid"));
}

TEST_F(StandaloneServerTest, ConfigurationFilesAreChosenByTheCaller) {
  ASSERT_EQ(cluster_
                ->Run({"/bin/sh", "-c",
                       fmt::format("printf 'work_mem=7MB\\nfsync=off\\n' >{0}/own.conf; "
                                   "echo 'local all postgres trust' >{0}/own.hba; "
                                   ": >{0}/own.ident",
                                   directory_)})
                ->exit_code,
            0);
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    options_.config_file = directory_ + "/own.conf";
    options_.hba_file = directory_ + "/own.hba";
    options_.ident_file = directory_ + "/own.ident";
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    std::string shown = Ask(*server,
                            "SELECT pg_catalog.current_setting('work_mem') || "
                            "pg_catalog.current_setting('hba_file')");
    return shown == "7MB" + options_.hba_file ? "" : shown;
  });
  EXPECT_EQ(wrong, "");
}

// Connecting must not follow the caller's libpq environment.
TEST_F(StandaloneServerTest, TheEnvironmentDoesNotLeadElsewhere) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    for (auto [name, value] : {std::pair("PGHOSTADDR", "127.0.0.9"),
                               {"PGPORT", "9"},
                               {"PGDATA", "/nonexistent"},
                               {"PGOPTIONS", "-c nonsense=1"},
                               {"PGSSLMODE", "verify-full"},
                               {"PGCHANNELBINDING", "require"},
                               {"PGREQUIREPEER", "nobody"},
                               {"PGTARGETSESSIONATTRS", "standby"},
                               {"PGDATABASE", "nowhere"}}) {
      ::setenv(name, value, 1);
    }
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    std::string answer = Ask(*server, "SELECT 1");
    return answer == "1" ? "" : answer;
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, ThePasswordOfAnotherServerIsNotItsBusiness) {
  std::string wrong = AsServerUser(*cluster_, [&]() -> std::string {
    ::setenv("PGPASSWORD", "another server's", 1);
    ::setenv("FOR_THE_RESTORE_COMMAND", "kept", 1);
    auto server = StandaloneServer::Start(options_);
    if (!server.ok()) return Explain(server.error());
    Result<Bytes> environment = ReadFile(fmt::format("/proc/{}/environ", server->pid()), 1 << 20);
    if (!environment.ok()) return Explain(environment.error());
    std::string text(AsText(*environment));
    bool right = text.find("FOR_THE_RESTORE_COMMAND=kept") != std::string::npos &&
                 text.find("PGPASSWORD") == std::string::npos;
    return right ? "" : text;
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(StandaloneServerTest, RootIsRefused) {
  auto server = StandaloneServer::Start(options_);
  if (::geteuid() == 0) {
    EXPECT_EQ(server.code(), Code::kRefused);
    EXPECT_FALSE(Exists(options_.log_file));
  } else {
    EXPECT_TRUE(server.ok()) << server.error().message;
  }
}

}  // namespace
}  // namespace pgcairn::postgres
