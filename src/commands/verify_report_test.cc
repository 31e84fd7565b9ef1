#include "commands/verify_report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "commands/verify_streams.h"

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

TEST(ProvenLeaves, WhatOneThreadProvedOthersKnow) {
  ProvenLeaves proven;
  std::atomic<uint64_t> last{0};
  std::thread other([&] {
    for (uint64_t leaf = 1; leaf <= 5000; ++leaf) {
      proven.Add(leaf, {static_cast<uint32_t>(leaf), 7});
      last = leaf;
    }
  });
  auto packs_of = [](uint64_t leaf) { return ProvenLeaves::Packs{static_cast<uint32_t>(leaf), 7}; };
  uint64_t known = 0;
  while (known < 5000) {
    known = last;
    EXPECT_TRUE(known == 0 || proven.PacksOf(known) == packs_of(known));
  }
  other.join();
  for (uint64_t leaf = 1; leaf <= 5000; ++leaf) EXPECT_EQ(proven.PacksOf(leaf), packs_of(leaf));
  EXPECT_EQ(proven.PacksOf(5001), std::nullopt);
}

TEST(ProvenLeaves, OnlyThoseOfTheBackupBeforeAreRemembered) {
  ProvenLeaves proven;
  proven.BeginBackup();
  proven.Add(1, {10});
  proven.Add(2, {20});
  proven.BeginBackup();
  EXPECT_EQ(proven.PacksOf(1), ProvenLeaves::Packs{10}) << "shared, and so of this backup too";
  proven.Add(3, {});
  proven.BeginBackup();
  EXPECT_EQ(proven.PacksOf(2), std::nullopt);
  EXPECT_EQ(proven.PacksOf(1), ProvenLeaves::Packs{10});
  EXPECT_EQ(proven.PacksOf(3), ProvenLeaves::Packs());
}

}  // namespace
}  // namespace pgcairn::commands
