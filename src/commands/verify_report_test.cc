#include "commands/verify_report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pgcairn::commands {
namespace {

TEST(Findings, NothingThatManyThreadsFindIsLost) {
  constexpr int kThreads = 4;
  constexpr int kObjects = 200;
  Findings findings;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&findings, thread] {
      Error error{Code::kDamaged, "changed", ""};
      std::string backup = fmt::format("backup-{}", thread);
      for (int i = 0; i < kObjects; ++i) {
        findings.Add(fmt::format("pack-{:03}", i), error, {backup});
        findings.AddCopyDamage(fmt::format("copy-{:03}-{}", i, thread), error);
        findings.Add(fmt::format("wal-{}", thread), error);
        findings.AddLost(fmt::format("wal-{}", thread), LostPart());
        findings.Warn("odd");
        EXPECT_TRUE(findings.Has(fmt::format("pack-{:03}", i)));
        EXPECT_FALSE(findings.empty());
      }
      EXPECT_FALSE(findings.Damaged().empty());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<DamagedObject> damaged = findings.Damaged();
  ASSERT_EQ(damaged.size(), size_t{kObjects * kThreads + kObjects + kThreads});
  for (const DamagedObject& object : damaged) {
    bool pack = object.object.starts_with("pack-");
    bool wal = object.object.starts_with("wal-");
    EXPECT_EQ(object.backups.size(), pack ? size_t{kThreads} : 0) << object.object;
    EXPECT_EQ(object.lost.size(), wal ? size_t{kObjects} : 0) << object.object;
  }
  EXPECT_EQ(findings.Warnings().size(), size_t{kObjects * kThreads});
}

}  // namespace
}  // namespace pgcairn::commands
