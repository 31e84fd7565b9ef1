#include "util/bytes.h"

#include <gtest/gtest.h>

namespace pgcairn {
namespace {

TEST(Hex, RoundTrips) {
  Bytes bytes{0x00, 0x7f, 0xff};
  EXPECT_EQ(ToHex(bytes), "007fff");
  EXPECT_EQ(FromHex("007FfF"), bytes);
  EXPECT_EQ(FromHex("0"), std::nullopt);
  EXPECT_EQ(FromHex("0g"), std::nullopt);
}

TEST(ByteReader, StopsForGoodAtTheEnd) {
  Bytes bytes{1, 0, 2, 0, 0, 0, 9};
  ByteReader in(bytes);
  EXPECT_EQ(in.Le<uint16_t>(), 1);
  EXPECT_EQ(in.Le<uint32_t>(), 2u);
  EXPECT_EQ(in.Le<uint16_t>(), 0);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.Le<uint8_t>(), 0) << "a short read may not be followed by a good one";
}

TEST(IsAllZeros, OneOtherByteAnywhereIsSeen) {
  EXPECT_TRUE(IsAllZeros({}));
  for (size_t size : {1u, 2u, 31u, 4097u}) {
    Bytes bytes(size);
    EXPECT_TRUE(IsAllZeros(bytes));
    for (size_t at : {size_t{0}, size / 2, size - 1}) {
      bytes[at] = 1;
      EXPECT_FALSE(IsAllZeros(bytes)) << size << " " << at;
      bytes[at] = 0;
    }
  }
}

}  // namespace
}  // namespace pgcairn
