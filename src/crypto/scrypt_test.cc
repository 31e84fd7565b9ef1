#include "crypto/scrypt.h"

#include <gtest/gtest.h>

namespace pgcairn::crypto {
namespace {

std::string Derive(std::string_view passphrase, std::string_view salt,
                   const ScryptParameters& parameters) {
  Result<SecretBytes> key = Scrypt(AsBytes(passphrase), AsBytes(salt), parameters, 64);
  return key.ok() ? ToHex(key->view()) : key.error().message;
}

// RFC 7914, section 12; the fourth vector needs 1 GiB.
TEST(Scrypt, MatchesPublishedVectors) {
  EXPECT_EQ(Derive("", "", {4, 1, 1}),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
            "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
  EXPECT_EQ(Derive("password", "NaCl", {10, 8, 16}),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
  EXPECT_EQ(Derive("pleaseletmein", "SodiumChloride", {14, 8, 1}),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST(Scrypt, RefusesWhatAHostileKeyObjectCouldAskFor) {
  const ScryptParameters hostile[] = {
      {21, 8, 1},                                                                          // 2 GiB
      {20, 9, 1},   {30, 8, 1},       {63, 8, 1},   {64, 8, 1}, {~0u, 8, 1}, {17, 8, 17},  // time
      {17, ~0u, 1}, {1, 1u << 25, 1}, {17, 8, ~0u},              // products that overflow
      {0, 8, 1},    {17, 0, 1},       {17, 8, 0},   {16, 1, 1},  // N >= 2^(128 r / 8)
  };
  for (const ScryptParameters& parameters : hostile) {
    Result<SecretBytes> key = Scrypt(AsBytes("p"), AsBytes("s"), parameters, 32);
    ASSERT_FALSE(key.ok()) << parameters.log2_n << " " << parameters.r << " " << parameters.p;
    EXPECT_EQ(key.code(), Code::kUnsupported);
  }
}

TEST(Scrypt, DefaultIsWithinTheLimitsAndUsable) {
  Result<SecretBytes> key = Scrypt(AsBytes("passphrase"), AsBytes("salt"), kScryptDefault, 32);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->size(), 32u);
  EXPECT_GE(kScryptDefault.log2_n, 17u) << "docs/threat-model.md promises N >= 2^17";
  EXPECT_GE(kScryptDefault.r, 8u);
}

TEST(Scrypt, PassphraseAndSaltMatter) {
  const ScryptParameters cheap{4, 8, 1};
  EXPECT_NE(Derive("a", "s", cheap), Derive("b", "s", cheap));
  EXPECT_NE(Derive("a", "s", cheap), Derive("a", "t", cheap));
  EXPECT_NE(Derive("a", "s", cheap), Derive("a", "s", {5, 8, 1}));
}

}  // namespace
}  // namespace pgcairn::crypto
