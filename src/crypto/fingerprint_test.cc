#include "crypto/fingerprint.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/fingerprint_kernel.h"

namespace pgcairn::crypto {
namespace {

Bytes Secret() {
  Bytes secret(kFingerprintSecretBytes);
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<uint8_t>(i * 37 + 11);
  return secret;
}

Bytes Page() {
  Bytes page(8192);
  for (size_t i = 0; i < page.size(); ++i) page[i] = static_cast<uint8_t>(i * 131 + (i >> 8));
  return page;
}

struct Golden {
  size_t size;
  uint64_t value;
};

// From the XXH3_64bits_withSecret of Debian's libxxhash. Maps in repositories hold such values:
// whatever vector unit runs, they must stay.
constexpr Golden kGolden[] = {{0, 0x8ac65a048c188fe5},
                              {1, 0xf4ea53e48806cfc3},
                              {16, 0x1d31c8db18ce11ca},
                              {200, 0xf56242cb4a6a7e17},
                              {8192, 0xcb1fbb2df6e9a594}};

TEST(PageFingerprint, ValuesNeverChange) {
  const PageFingerprint fingerprint(Secret());
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(fingerprint.Of(ByteView(Page()).first(golden.size)), golden.value) << golden.size;
  }
}

TEST(PageFingerprint, EveryKernelGivesTheSame) {
  std::vector<FingerprintKernel> kernels{FingerprintPortable};
  if (FingerprintAvx2() != nullptr) kernels.push_back(FingerprintAvx2());
  for (FingerprintKernel kernel : kernels) {
    for (const Golden& golden : kGolden) {
      EXPECT_EQ(kernel(Page().data(), golden.size, Secret().data()), golden.value) << golden.size;
    }
  }
}

TEST(PageFingerprint, SeesEveryByteOfThePage) {
  const PageFingerprint fingerprint(Secret());
  Bytes page = Page();
  const uint64_t original = fingerprint.Of(page);
  for (uint8_t& byte : page) {
    byte ^= 1;
    ASSERT_NE(fingerprint.Of(page), original);
    byte ^= 1;
  }
  EXPECT_NE(fingerprint.Of(ByteView(page).first(8191)), original);
}

TEST(PageFingerprint, DependsOnTheSecret) {
  Bytes secret = Secret();
  const uint64_t original = PageFingerprint(secret).Of(Page());
  secret[100] ^= 1;
  EXPECT_NE(PageFingerprint(secret).Of(Page()), original);
}

TEST(PageFingerprint, GivesTheSameForUnalignedPages) {
  const PageFingerprint fingerprint(Secret());
  const Bytes page = Page();
  for (size_t shift = 1; shift < 8; ++shift) {
    Bytes shifted(shift);
    Append(shifted, page);
    EXPECT_EQ(fingerprint.Of(ByteView(shifted).subspan(shift)), fingerprint.Of(page));
  }
}

TEST(PageFingerprintDeathTest, SecretOfAnotherSizeAborts) {
  EXPECT_DEATH(PageFingerprint(Bytes(191)), "secret.size");
}

}  // namespace
}  // namespace pgcairn::crypto
