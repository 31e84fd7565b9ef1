#include "repository/wal_store/wal_identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

const Bytes kKey(32, 7);
constexpr char kName[] = "000000010000000000000003";

Bytes WithZeros(Bytes file, size_t size) {
  file.resize(size);
  return file;
}

TEST(WithoutTrailingZeros, LeavesWhatEndsInAnythingElse) {
  for (size_t content : {0u, 1u, 4095u, 4096u, 4097u, 100'000u}) {
    Bytes file = RandomContent(content, 1);
    if (content > 0) file.back() = 1;
    for (size_t zeros : {0u, 1u, 4095u, 4096u, 10'000u}) {
      EXPECT_EQ(WithoutTrailingZeros(WithZeros(file, content + zeros)).size(), content);
    }
  }
}

TEST(WalIdentity, IsThatOfNameLengthAndEveryByte) {
  Bytes file = RandomContent(2 * kWalPieceBytes + 100, 1);
  file.back() = 1;
  std::set<std::string> seen;
  auto is_new = [&](ByteView key, std::string_view name, ByteView bytes) {
    return seen.insert(ToHex(WalIdentity(key, name, bytes.size(), bytes).view())).second;
  };
  EXPECT_TRUE(is_new(kKey, kName, file));
  EXPECT_FALSE(is_new(kKey, kName, file));
  EXPECT_TRUE(is_new(kKey, "000000010000000000000004", file));
  EXPECT_TRUE(is_new(Bytes(32, 8), kName, file));
  EXPECT_TRUE(is_new(kKey, kName, WithZeros(file, file.size() + 1)));
  EXPECT_TRUE(is_new(kKey, kName, ByteView(file).first(file.size() - 1)));
  EXPECT_TRUE(is_new(kKey, kName, {}));
  EXPECT_TRUE(is_new(kKey, kName, Bytes(1)));
  for (size_t at : {size_t{0}, kWalPieceBytes - 1, kWalPieceBytes, file.size() - 1}) {
    Bytes changed = file;
    changed[at] ^= 0x80;
    EXPECT_TRUE(is_new(kKey, kName, changed)) << at;
  }
  Bytes swapped = file;
  std::swap_ranges(swapped.begin(), swapped.begin() + kWalPieceBytes,
                   swapped.begin() + kWalPieceBytes);
  EXPECT_TRUE(is_new(kKey, kName, swapped));
}

// The value is that of an implementation in Python made from docs/format.md.
TEST(WalIdentity, IsAsTheFormatSays) {
  Bytes file = ToBytes(AsBytes("abc"));
  file.resize(5);
  EXPECT_EQ(ToHex(WalIdentity(kKey, kName, file.size(), file).view()),
            "8146c8199695ac8a707f0d5ede89f5c39db79dc7877bf03548b2ee7009e90ff2");
}

TEST(WalIdentity, IsTheSameWhetherItsTagsAreMadeTogetherOrByManyTaggers) {
  Bytes file = WithZeros(RandomContent(kWalPieceBytes + 5, 1), 3 * kWalPieceBytes);
  ByteView content = WithoutTrailingZeros(file);
  std::vector<WalPieceTag> tags;
  for (size_t at = 0; at < content.size(); at += kWalPieceBytes) {
    ByteView piece = content.subspan(at, std::min(kWalPieceBytes, content.size() - at));
    tags.push_back(WalPieceTagger(kKey).TagOf(piece));
  }
  EXPECT_EQ(WalIdentity(kKey, kName, file.size(), tags),
            WalIdentity(kKey, kName, file.size(), file));
}

}  // namespace
}  // namespace pgcairn::repository
