#include "crypto/hkdf.h"

#include <gtest/gtest.h>

namespace pgcairn::crypto {
namespace {

Bytes Counting(int from, int to) {
  Bytes bytes;
  for (int i = from; i <= to; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

std::string Derive(ByteView ikm, ByteView salt, ByteView info, size_t size) {
  Bytes out(size);
  EXPECT_TRUE(HkdfSha256(ikm, salt, info, out).ok());
  return ToHex(out);
}

// RFC 5869, appendix A.1 to A.3.
TEST(Hkdf, MatchesPublishedVectors) {
  EXPECT_EQ(Derive(Bytes(22, 0x0b), Counting(0x00, 0x0c), Counting(0xf0, 0xf9), 42),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(
      Derive(Counting(0x00, 0x4f), Counting(0x60, 0xaf), Counting(0xb0, 0xff), 82),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
      "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(Derive(Bytes(22, 0x0b), {}, {}, 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, EveryInputMatters) {
  const Bytes ikm(32, 1), salt(32, 2), info(8, 3);
  const std::string key = Derive(ikm, salt, info, 32);
  EXPECT_NE(Derive(Bytes(32, 9), salt, info, 32), key);
  EXPECT_NE(Derive(ikm, Bytes(32, 9), info, 32), key);
  EXPECT_NE(Derive(ikm, salt, Bytes(8, 9), 32), key);
}

TEST(Hkdf, RefusesMoreThanItCanGive) {
  Bytes out(kHkdfBytesMax + 1, 7);
  EXPECT_FALSE(HkdfSha256(Bytes(32, 1), {}, {}, out).ok());
  EXPECT_EQ(out, Bytes(kHkdfBytesMax + 1, 7)) << "untouched on error";
  EXPECT_TRUE(HkdfSha256(Bytes(32, 1), {}, {}, std::span(out).first(kHkdfBytesMax)).ok());
}

}  // namespace
}  // namespace pgcairn::crypto
