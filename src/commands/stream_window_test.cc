#include "commands/stream_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace pgcairn::commands {
namespace {

// Reads streams that hold what the earlier streams `now` held; a number that none had is new. How
// many of those that were there before were recognised.
size_t Recognised(const std::vector<size_t>& now, size_t before, size_t* widest = nullptr) {
  StreamWindow window(before);
  size_t recognised = 0;
  for (size_t holds : now) {
    const bool known = std::ranges::binary_search(window.streams(), holds);
    if (widest != nullptr) *widest = std::max(*widest, window.streams().size());
    recognised += known ? 1 : 0;
    window.MoveOn(known ? std::optional(holds) : std::nullopt);
  }
  return recognised;
}

std::vector<size_t> Range(size_t first, size_t end) {
  std::vector<size_t> numbers;
  for (size_t i = first; i < end; ++i) numbers.push_back(i);
  return numbers;
}

std::vector<size_t> Joined(std::vector<size_t> one, const std::vector<size_t>& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

constexpr size_t kNowhere = 1'000'000;

TEST(StreamWindow, KnowsNothingOfATableThatWasNotThere) {
  StreamWindow window(0);
  EXPECT_TRUE(window.streams().empty());
  EXPECT_FALSE(window.MoveOn(std::nullopt));
  EXPECT_TRUE(window.streams().empty());
}

TEST(StreamWindow, FollowsWhatDidNotChangeAndReadsEachStreamTwiceAtMost) {
  StreamWindow window(100);
  size_t loaded = window.streams().size();
  for (size_t at = 0; at < 100; ++at) {
    ASSERT_TRUE(std::ranges::binary_search(window.streams(), at)) << at;
    if (window.MoveOn(at)) loaded += window.streams().size();
  }
  EXPECT_LE(loaded, 220u);
}

TEST(StreamWindow, WhatIsAppendedAsksForNothing) {
  StreamWindow window(50);
  for (size_t at = 0; at < 50; ++at) window.MoveOn(at);
  size_t moves = 0;
  for (size_t more = 0; more < 100; ++more) moves += window.MoveOn(std::nullopt) ? 1 : 0;
  EXPECT_LE(moves, 5u);
  EXPECT_LE(window.streams().size(), 2u);
}

TEST(StreamWindow, WhatWasChangedInPlaceLeavesTheRestKnown) {
  for (size_t changed : {1, 3, 20, 90}) {
    const std::vector<size_t> now =
        Joined(std::vector<size_t>(changed, kNowhere), Range(changed, 100));
    EXPECT_EQ(Recognised(now, 100), 100 - changed) << changed;
  }
}

TEST(StreamWindow, TheRestIsFoundWhereMuchWasRemoved) {
  for (size_t removed : {1, 5, 20, 60, 95}) {
    EXPECT_GE(Recognised(Range(removed, 100), 100) + 10, 100 - removed) << removed;
    EXPECT_GE(Recognised(Joined(Range(0, 3), Range(3 + removed, 100)), 100) + 10, 97 - removed)
        << removed;
  }
}

TEST(StreamWindow, TheRestIsFoundWhereMuchWasAdded) {
  for (size_t added : {1, 5, 20, 60}) {
    const std::vector<size_t> now =
        Joined(Joined(Range(0, 30), std::vector<size_t>(added, kNowhere)), Range(30, 100));
    EXPECT_GE(Recognised(now, 100) + 10, 100u) << added;
  }
}

TEST(StreamWindow, TheRestIsFoundWhereMoreOrLessWasAddedThanRemoved) {
  for (size_t removed = 1; removed < 50; ++removed) {
    for (size_t added = 0; added < 100; ++added) {
      const std::vector<size_t> now =
          Joined(std::vector<size_t>(added, kNowhere), Range(removed, 64));
      EXPECT_GE(Recognised(now, 64) + 10, 64 - removed) << removed << " removed, " << added;
    }
  }
}

TEST(StreamWindow, IsNeverWide) {
  size_t widest = 0;
  Recognised(std::vector<size_t>(1000, kNowhere), 1000, &widest);
  EXPECT_LE(widest, 20u);
}

TEST(StreamWindow, ASearchAsksAll) {
  StreamWindow window(100);
  std::set<size_t> asked(window.streams().begin(), window.streams().end());
  for (size_t more = 0; more < 20; ++more) {
    window.MoveOn(std::nullopt);
    asked.insert(window.streams().begin(), window.streams().end());
  }
  EXPECT_EQ(asked.size(), 100u);
}

}  // namespace
}  // namespace pgcairn::commands
