#include "postgres/crc32c.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

// The values are those of RFC 3720, appendix B.4, and the usual check value.
TEST(Crc32cTest, MatchesThePublishedValues) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283U);
  EXPECT_EQ(Crc32c(Bytes(32, 0x00)), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(Bytes(32, 0xFF)), 0x62A8AB43U);
  EXPECT_EQ(Crc32c({}), 0U);
}

TEST(Crc32cTest, IsTheSameWithAndWithoutTheProcessorsHelp) {
  Bytes bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i + i / 7);
  for (size_t size = 0; size < bytes.size(); size += 13) {
    ByteView part = ByteView(bytes).subspan(size % 8, size - size % 8);
    EXPECT_EQ(Crc32cPortable(part, 77), Crc32c(part, 77));
  }
}

TEST(Crc32cTest, GoesOnFromAnEarlierChecksum) {
  std::string_view text = "a pile of stones that shows the way back";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(AsBytes(text.substr(cut)), Crc32c(AsBytes(text.substr(0, cut)))),
              Crc32c(AsBytes(text)));
  }
}

}  // namespace
}  // namespace pgcairn::postgres
