#include "crypto/content_mac.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pgcairn::crypto {
namespace {

Bytes MacKey() {
  Bytes key(kContentMacKeyBytes);
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  return key;
}

Bytes MacContent() {
  Bytes content(8192);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i * 131 + (i >> 8));
  return content;
}

struct KnownMac {
  size_t size;
  const char* value;
};

// From the AESGCM and AES of Python's cryptography package. Maps in repositories hold such values.
constexpr KnownMac kKnownMacs[] = {{0, "89295279c44c3f79cae872a714e0f826"},
                                   {1, "926d464558ab8fa54d235668bca775ae"},
                                   {16, "ba131be8cc273d87211c857ce75c1802"},
                                   {200, "33d9452ffc39f90c4e6fe30421a8db76"},
                                   {8192, "7ff03dfcd47dcecd5a8b045e546f0a42"}};

TEST(ContentMac, ValuesNeverChange) {
  ContentMac mac(MacKey());
  for (const KnownMac& known : kKnownMacs) {
    EXPECT_EQ(ToHex(mac.Of(ByteView(MacContent()).first(known.size))), known.value) << known.size;
  }
}

TEST(ContentMac, SeesEveryByteAndTheLength) {
  ContentMac mac(MacKey());
  Bytes content = MacContent();
  std::set<std::string> seen;
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] ^= 1;
    ASSERT_TRUE(seen.insert(ToHex(mac.Of(content))).second) << i;
    content[i] ^= 1;
  }
  const Bytes zeros(64);
  for (size_t size = 0; size <= zeros.size(); ++size) {
    ASSERT_TRUE(seen.insert(ToHex(mac.Of(ByteView(zeros).first(size)))).second) << size;
  }
}

TEST(ContentMac, DependsOnEachHalfOfTheKey) {
  const std::string original = ToHex(ContentMac(MacKey()).Of(MacContent()));
  for (size_t place : {size_t{0}, kContentMacKeyBytes - 1}) {
    Bytes key = MacKey();
    key[place] ^= 1;
    EXPECT_NE(ToHex(ContentMac(key).Of(MacContent())), original) << place;
  }
}

}  // namespace
}  // namespace pgcairn::crypto
