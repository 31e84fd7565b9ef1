#include "commands/proven_leaves.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace pgcairn::commands {
namespace {

TEST(ProvenLeaves, WhatOneThreadProvedOthersKnow) {
  ProvenLeaves proven;
  std::atomic<uint64_t> last{0};
  std::thread other([&] {
    for (uint64_t leaf = 1; leaf <= 5000; ++leaf) {
      proven.Add(leaf, {{static_cast<uint32_t>(leaf), 7}, 2 * leaf});
      last = leaf;
    }
  });
  auto expect_known = [&](uint64_t leaf) {
    std::optional<ProvenLeaf> found = proven.Find(leaf);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->packs, (std::vector<uint32_t>{static_cast<uint32_t>(leaf), 7}));
    EXPECT_EQ(found->chunk_bytes, 2 * leaf);
  };
  uint64_t known = 0;
  while (known < 5000) {
    known = last;
    if (known != 0) expect_known(known);
  }
  other.join();
  for (uint64_t leaf = 1; leaf <= 5000; ++leaf) expect_known(leaf);
  EXPECT_FALSE(proven.Find(5001).has_value());
}

TEST(ProvenLeaves, OnlyThoseOfTheBackupBeforeAreRemembered) {
  ProvenLeaves proven;
  auto packs_of = [&](uint64_t leaf) { return proven.Find(leaf).value_or(ProvenLeaf()).packs; };
  proven.BeginBackup();
  proven.Add(1, {{10}});
  proven.Add(2, {{20}});
  proven.BeginBackup();
  EXPECT_EQ(packs_of(1), std::vector<uint32_t>{10}) << "shared, and so of this backup too";
  proven.Add(3, {});
  proven.BeginBackup();
  EXPECT_FALSE(proven.Find(2).has_value());
  EXPECT_EQ(packs_of(1), std::vector<uint32_t>{10});
  EXPECT_TRUE(proven.Find(3).has_value());
}

}  // namespace
}  // namespace pgcairn::commands
