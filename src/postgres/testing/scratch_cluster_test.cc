#include "postgres/testing/scratch_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

#include "util/file.h"

namespace pgcairn::postgres::testing {
namespace {

TEST(ScratchClusterTest, LivesAndLeavesNothingBehind) {
  std::string root;
  pid_t server = -1;
  {
    auto cluster = ScratchCluster::Create({.settings = {"work_mem='7MB'"}});
    ASSERT_TRUE(cluster.ok()) << cluster.error().message;
    root = (*cluster)->root_directory();
    ASSERT_TRUE((*cluster)->Start().ok()) << (*cluster)->ServerLog();
    server = (*cluster)->server_pid();
    auto rows = (*cluster)->Sql(
        "CREATE TABLE t(i int);\nINSERT INTO t VALUES (1), (2);\n"
        "SELECT i, current_setting('work_mem') FROM t ORDER BY i");
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    EXPECT_EQ(*rows, "1|7MB\n2|7MB");
    EXPECT_FALSE((*cluster)->Sql("SELECT 1/0").ok());

    ASSERT_TRUE((*cluster)->StopImmediately().ok());
    ASSERT_TRUE((*cluster)->Start().ok()) << (*cluster)->ServerLog();
    server = (*cluster)->server_pid();
    EXPECT_NE((*cluster)->ServerLog().find("was not properly shut down"), std::string::npos);
    EXPECT_EQ((*cluster)->Sql("SELECT count(*) FROM t").value(), "2");
  }
  EXPECT_FALSE(Exists(root));
  EXPECT_EQ(::kill(server, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(ScratchClusterTest, AFailedStartSaysWhatTheServerLogged) {
  auto cluster = ScratchCluster::Create({.settings = {"no_such_setting=1"}});
  ASSERT_TRUE(cluster.ok()) << cluster.error().message;
  Status started = (*cluster)->Start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("no_such_setting"), std::string::npos);
  EXPECT_FALSE((*cluster)->running());
}

}  // namespace
}  // namespace pgcairn::postgres::testing
