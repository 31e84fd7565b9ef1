#include "postgres/page.h"

#include <gtest/gtest.h>

#include <random>

#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/relation_path.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

using testing::ScratchCluster;

constexpr Lsn kBackupStart{0x1'0000'1000};
constexpr Lsn kEnd{0x1'0000'2000};
constexpr PageCheck kCheck{true, kBackupStart, kEnd};

Bytes MakePage(Lsn lsn, uint32_t block_number, uint32_t seed = 1) {
  Bytes page(kPageSize);
  std::mt19937 random(seed);
  for (uint8_t& byte : page) byte = static_cast<uint8_t>(random());
  StoreLe(page.data(), static_cast<uint32_t>(lsn.value >> 32));
  StoreLe(page.data() + 4, static_cast<uint32_t>(lsn.value));
  StoreLe(page.data() + 8, PageChecksum(page.data(), block_number));
  return page;
}

TEST(PageTest, TheStoredChecksumDoesNotCount) {
  Bytes page = MakePage(Lsn{16}, 7);
  uint16_t checksum = PageChecksum(page.data(), 7);
  for (uint16_t stored : {uint16_t{0}, uint16_t{1}, uint16_t{0xFFFF}}) {
    StoreLe(page.data() + 8, stored);
    EXPECT_EQ(PageChecksum(page.data(), 7), checksum);
    EXPECT_EQ(StoredPageChecksum(page.data()), stored);
  }
}

TEST(PageTest, AnyAlignmentGivesTheSameChecksum) {
  Bytes page = MakePage(Lsn{16}, 7);
  Bytes shifted(kPageSize + 3);
  std::copy(page.begin(), page.end(), shifted.begin() + 3);
  EXPECT_EQ(PageChecksum(shifted.data() + 3, 7), PageChecksum(page.data(), 7));
}

TEST(PageTest, EveryInstructionSetGivesTheSameChecksum) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    Bytes page = MakePage(Lsn{seed}, seed, seed);
    for (PageChecksumFunction function : PageChecksumFunctions()) {
      EXPECT_EQ(function(page.data(), seed), StoredPageChecksum(page.data())) << seed;
    }
  }
}

TEST(PageTest, EveryByteAndTheBlockNumberCount) {
  Bytes page = MakePage(Lsn{16}, 7);
  ASSERT_EQ(CheckPage(page, 7, kCheck), PageState::kValid);
  EXPECT_EQ(CheckPage(page, 8, kCheck), PageState::kBadChecksum);
  EXPECT_EQ(CheckPage(page, 7 + 131072, kCheck), PageState::kBadChecksum);
  // 1 in 65536 changes keeps a 16-bit checksum; this page has no such byte.
  for (size_t at = 8; at < kPageSize; ++at) {
    page[at] ^= 0x40;
    EXPECT_EQ(CheckPage(page, 7, kCheck), PageState::kBadChecksum) << at;
    page[at] ^= 0x40;
  }
}

TEST(PageTest, OnlyAPageOfZerosIsZero) {
  Bytes page(kPageSize);
  EXPECT_TRUE(IsZeroPage(page.data()));
  EXPECT_EQ(CheckPage(page, 3, kCheck), PageState::kZero);
  for (size_t at = 0; at < kPageSize; ++at) {
    page[at] = 1;
    EXPECT_FALSE(IsZeroPage(page.data())) << at;
    page[at] = 0;
  }
  // pd_upper, at 14, is 0 here: PostgreSQL's own test would take this for a new page.
  page[5000] = 1;
  EXPECT_EQ(CheckPage(page, 3, kCheck), PageState::kBadChecksum);
}

TEST(PageTest, AWrongChecksumIsExcusedOnlyByAnLsnWithinTheBackup) {
  auto state = [](Lsn lsn) {
    Bytes page = MakePage(lsn, 7);
    page[6000] ^= 1;
    EXPECT_EQ(PageLsn(page.data()), lsn);
    return CheckPage(page, 7, kCheck);
  };
  EXPECT_EQ(state({kBackupStart.value - 1}), PageState::kBadChecksum);
  EXPECT_EQ(state(kBackupStart), PageState::kNewerThanStart);
  EXPECT_EQ(state(kEnd), PageState::kNewerThanStart);
  EXPECT_EQ(state({kEnd.value + 1}), PageState::kBadChecksum);
  EXPECT_EQ(state({0xFFFFFFFFFFFFFFFF}), PageState::kBadChecksum);
  EXPECT_EQ(CheckPage(MakePage(kBackupStart, 7), 7, kCheck), PageState::kValid);
  EXPECT_EQ(CheckPage(MakePage({kEnd.value + 1}, 7), 7, kCheck), PageState::kValid);
}

TEST(PageTest, WithoutChecksumsNothingIsJudged) {
  Bytes page = MakePage(Lsn{16}, 7);
  page[6000] ^= 1;
  EXPECT_EQ(CheckPage(page, 7, {false, kBackupStart, kEnd}), PageState::kValid);
  EXPECT_EQ(CheckPage(Bytes(kPageSize), 7, {false, kBackupStart, kEnd}), PageState::kZero);
}

struct PageCounts {
  size_t zero = 0;
  size_t valid = 0;
  size_t bad = 0;
};

void CountPages(const std::string& data_directory, const DataFile& file, PageCounts& counts) {
  auto relation = ParseRelationPath(file.path);
  ASSERT_TRUE(relation) << file.path;
  auto content = ReadFile(data_directory + "/" + file.path, 1 << 30);
  ASSERT_TRUE(content.ok()) << content.error().message;
  ASSERT_EQ(content->size() % kPageSize, 0U) << file.path;
  const PageCheck check{true, Lsn{~0ULL}, Lsn{~0ULL}};
  for (size_t at = 0; at < content->size(); at += kPageSize) {
    uint32_t block = *FirstBlock(*relation, 131072) + static_cast<uint32_t>(at / kPageSize);
    switch (CheckPage(ByteView(*content).subspan(at, kPageSize), block, check)) {
      case PageState::kZero:
        ++counts.zero;
        break;
      case PageState::kValid:
        ++counts.valid;
        break;
      default:
        ++counts.bad;
        ADD_FAILURE() << file.path << ", block " << block;
    }
  }
}

TEST(PageTest, EveryPageThatAServerWroteIsValid) {
  auto made = ScratchCluster::Create();
  ASSERT_TRUE(made.ok()) << made.error().message;
  ScratchCluster& cluster = **made;
  ASSERT_TRUE(cluster.Start().ok()) << cluster.ServerLog();
  auto filled = cluster.Sql(
      "CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 50000) i;\n"
      "CREATE INDEX ON t (m);\nCREATE INDEX ON t USING gin (string_to_array(m, '7'));\n"
      "CREATE INDEX ON t USING hash (i);\nDELETE FROM t WHERE i % 3 = 0;\nVACUUM t;\n"
      "CREATE SEQUENCE s;\nSELECT nextval('s')");
  ASSERT_TRUE(filled.ok()) << filled.error().message;
  ASSERT_TRUE(cluster.Stop().ok());
  auto control = ReadControlFile(cluster.data_directory());
  ASSERT_TRUE(control.ok());
  auto listing =
      ListDataDirectory(cluster.data_directory(), TablespaceVersionDirectory(control->control));
  ASSERT_TRUE(listing.ok()) << listing.error().message;
  PageCounts counts;
  for (const DataFile& file : listing->files) {
    if (file.is_relation) CountPages(cluster.data_directory(), file, counts);
  }
  EXPECT_EQ(counts.bad, 0U);
  // Enough to tell a modulus of 65535 from one of 65536, and all forks and index kinds.
  EXPECT_GT(counts.valid, 3000U);
}

}  // namespace
}  // namespace pgcairn::postgres
