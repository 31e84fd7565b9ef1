#include "crypto/process_hardening.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace pgcairn::crypto {
namespace {

bool DumpsAreForbidden() {
  rlimit limit{1, 1};
  return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 &&
         limit.rlim_cur == 0 && limit.rlim_max == 0;
}

TEST(ProcessHardeningDeathTest, FlagAndLimitAreBothSet) {
  EXPECT_EXIT(
      {
        ForbidCoreDumps();
        exit(DumpsAreForbidden() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^$");
}

TEST(ProcessHardeningDeathTest, ACrashAfterwardsDumpsNoCore) {
  EXPECT_EXIT(
      {
        ForbidCoreDumps();
        signal(SIGQUIT, SIG_DFL);
        kill(getpid(), SIGQUIT);
      },
      [](int status) {
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT && !WCOREDUMP(status);
      },
      "");
}

TEST(ProcessHardeningDeathTest, TheProcessCanStillReadItsOwnProc) {
  EXPECT_EXIT(
      {
        ForbidCoreDumps();
        exit(access("/proc/self/fd/0", F_OK) == 0 || access("/proc/self/fd/2", F_OK) == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pgcairn::crypto
