#include "sources/logical/row_chunker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace pgcairn::sources {
namespace {

constexpr ChunkSizes kSizes{1024, 4096, 16384};

using Rows = std::vector<std::string>;

// Rows of about `bytes` each, all different.
Rows RandomRows(size_t count, size_t bytes, uint64_t seed) {
  std::mt19937_64 random(seed);
  Rows rows;
  for (size_t i = 0; i < count; ++i) {
    std::string row = fmt::format("{}\t{}\t", i, random());
    const size_t length = bytes / 2 + random() % bytes;
    while (row.size() + 1 < length) row += static_cast<char>('a' + random() % 26);
    rows.push_back(row + "\n");
  }
  return rows;
}

std::vector<std::string> Chunks(const Rows& rows, ChunkSizes sizes = kSizes,
                                std::string_view key = "a key of this cluster") {
  std::vector<std::string> chunks;
  RowChunker chunker(AsBytes(key), sizes, [&](ByteView bytes) {
    chunks.emplace_back(AsText(bytes));
    return Status();
  });
  for (const std::string& row : rows) EXPECT_TRUE(chunker.Add(AsBytes(row)).ok());
  EXPECT_TRUE(chunker.End().ok());
  return chunks;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

// How many of `chunks` are not among `before`.
size_t NewAmong(const std::vector<std::string>& chunks, const std::vector<std::string>& before) {
  const std::set<std::string> known(before.begin(), before.end());
  return static_cast<size_t>(std::ranges::count_if(
      chunks, [&](const std::string& chunk) { return !known.contains(chunk); }));
}

TEST(RowChunker, ChunksAreTheRowsInOrderAndEndWithARow) {
  for (size_t bytes : {2u, 30u, 300u, 3000u}) {
    const Rows rows = RandomRows(200'000 / bytes, bytes, bytes);
    const std::vector<std::string> chunks = Chunks(rows);
    EXPECT_EQ(Joined(chunks), Joined(rows));
    for (size_t i = 0; i < chunks.size(); ++i) {
      EXPECT_EQ(chunks[i].back(), '\n');
      EXPECT_LE(chunks[i].size(), kSizes.max);
      const bool last = i + 1 == chunks.size();
      EXPECT_TRUE(last || chunks[i].size() >= kSizes.min) << chunks[i].size();
    }
  }
}

TEST(RowChunker, ChunksHaveTheMeanSizeWhateverTheRowsLengthsAre) {
  for (size_t bytes : {20u, 100u, 800u}) {
    const Rows rows = RandomRows(8'000'000 / bytes, bytes, bytes);
    const double mean =
        static_cast<double>(Joined(rows).size()) / static_cast<double>(Chunks(rows).size());
    EXPECT_NEAR(mean, kSizes.mean, kSizes.mean * 0.2) << bytes;
  }
}

TEST(RowChunker, EqualRowsMakeChunksOfTheGreatestSizeAtMost) {
  const std::vector<std::string> chunks = Chunks(Rows(100'000, "the same\n"));
  for (const std::string& chunk : chunks) EXPECT_LE(chunk.size(), kSizes.max);
  EXPECT_EQ(Joined(chunks).size(), 900'000u);
}

TEST(RowChunker, AnEditChangesTheChunksAroundItOnly) {
  const Rows rows = RandomRows(20'000, 100, 1);
  const std::vector<std::string> before = Chunks(rows);
  std::mt19937_64 random(2);
  for (int i = 0; i < 50; ++i) {
    Rows edited = rows;
    const auto at = static_cast<ptrdiff_t>(random() % rows.size());
    switch (i % 3) {
      case 0:
        edited.erase(edited.begin() + at);
        break;
      case 1:
        edited.insert(edited.begin() + at, fmt::format("new {}\n", i));
        break;
      default:
        edited[static_cast<size_t>(at)] = fmt::format("changed {}\n", i);
    }
    // Ends are found again behind the first end that both have past the greatest chunk.
    EXPECT_LE(NewAmong(Chunks(edited), before), 8u) << i;
  }
}

TEST(RowChunker, ALongRowIsCutFromItsBeginning) {
  Rows rows = RandomRows(200, 100, 1);
  const std::string long_row = std::string(3 * kSizes.max + 5000, 'x') + "\n";
  rows.insert(rows.begin() + 77, long_row);
  const std::vector<std::string> chunks = Chunks(rows);
  EXPECT_EQ(Joined(chunks), Joined(rows));
  EXPECT_EQ(std::ranges::count(chunks, std::string(kSizes.max, 'x')), 3);
  EXPECT_EQ(std::ranges::count(chunks, std::string(5000, 'x') + "\n"), 1);
}

TEST(RowChunker, ARowOfExactlyTheGreatestSizeIsOneChunk) {
  const std::string row = std::string(kSizes.max - 1, 'x') + "\n";
  EXPECT_EQ(Chunks({"a\n", row, "b\n"}), (std::vector<std::string>{"a\n", row, "b\n"}));
}

TEST(RowChunker, AnotherKeyCutsElsewhere) {
  const Rows rows = RandomRows(20'000, 100, 1);
  const std::vector<std::string> chunks = Chunks(rows);
  EXPECT_EQ(NewAmong(Chunks(rows), chunks), 0u);
  EXPECT_GT(NewAmong(Chunks(rows, kSizes, "the key of another"), chunks), chunks.size() * 9 / 10);
}

TEST(RowChunker, TheNextStreamBeginsAnew) {
  const Rows rows = RandomRows(500, 100, 1);
  std::vector<std::string> chunks;
  RowChunker chunker(AsBytes("key"), kSizes, [&](ByteView bytes) {
    chunks.emplace_back(AsText(bytes));
    return Status();
  });
  for (int stream = 0; stream < 2; ++stream) {
    for (const std::string& row : rows) ASSERT_TRUE(chunker.Add(AsBytes(row)).ok());
    ASSERT_TRUE(chunker.End().ok());
  }
  const size_t half = chunks.size() / 2;
  EXPECT_TRUE(std::equal(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(half),
                         chunks.begin() + static_cast<ptrdiff_t>(half), chunks.end()));
  EXPECT_TRUE(chunker.End().ok());
}

TEST(RowChunker, AnErrorOfTheTakerIsPassedOn) {
  RowChunker chunker(AsBytes("key"), kSizes, [](ByteView) {
    return Status(Error{Code::kNoSpace, "full", ""});
  });
  Status status;
  for (int i = 0; i < 10'000 && status.ok(); ++i) status = chunker.Add(AsBytes("some row\n"));
  EXPECT_EQ(status.code(), Code::kNoSpace);
}

}  // namespace
}  // namespace pgcairn::sources
