#include "commands/pages_read.h"

#include <gtest/gtest.h>

namespace pgcairn::commands {
namespace {

using postgres::RelationId;
using postgres::WalBlock;
using Needed = std::set<RelationId>;

constexpr RelationId kOne{1663, 5, 16384};
constexpr RelationId kTwo{1663, 5, 16385};

WalBlock Replaced(RelationId relation, uint32_t block, uint8_t fork = 0) {
  return {relation, fork, block, true};
}
WalBlock Changed(RelationId relation, uint32_t block, uint8_t fork = 0) {
  return {relation, fork, block, false};
}

TEST(PagesRead, APageThatWasReplacedFirstIsNotNeeded) {
  PagesRead pages;
  for (uint32_t block : {0U, 4095U, 4096U, 4'000'000'000U}) {
    pages.Add(Replaced(kOne, block));
    pages.Add(Changed(kOne, block));
  }
  EXPECT_EQ(pages.relations(), Needed());
}

TEST(PagesRead, APageThatIsChangedFirstIsNeeded) {
  PagesRead pages;
  pages.Add(Replaced(kOne, 1));
  pages.Add(Replaced(kTwo, 2));
  pages.Add(Changed(kOne, 2));
  pages.Add(Replaced(kOne, 2));
  EXPECT_EQ(pages.relations(), Needed({kOne}));
}

TEST(PagesRead, ForksAndTablespacesAreTheirOwn) {
  PagesRead pages;
  pages.Add(Replaced(kOne, 1));
  pages.Add(Changed(kOne, 1, 2));
  const RelationId elsewhere{16400, 5, 16385};
  pages.Add(Replaced(kTwo, 3));
  pages.Add(Changed(elsewhere, 3));
  EXPECT_EQ(pages.relations(), Needed({kOne, elsewhere}));
}

TEST(PagesRead, TheSameStretchTwiceSaysTheSame) {
  PagesRead pages;
  for (int time = 0; time < 2; ++time) {
    pages.Add(Replaced(kOne, 1));
    pages.Add(Changed(kOne, 1));
    pages.Add(Changed(kTwo, 1));
    pages.Add(Replaced(kTwo, 1));
  }
  EXPECT_EQ(pages.relations(), Needed({kTwo}));
}

TEST(PagesRead, WhatDoesNotFitIsNeeded) {
  PagesRead pages(4);
  pages.Add(Replaced(kTwo, 0));
  for (uint32_t range = 0; range < 4; ++range) pages.Add(Replaced(kOne, range * 4096));
  EXPECT_EQ(pages.relations(), Needed({kOne}));
  pages.Add(Changed(kTwo, 0));
  for (uint32_t range = 0; range < 3; ++range) pages.Add(Replaced(kTwo, range * 4096));
  EXPECT_EQ(pages.relations(), Needed({kOne})) << "room was made";
}

}  // namespace
}  // namespace pgcairn::commands
