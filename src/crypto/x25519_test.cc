#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "util/bytes.h"

namespace pgcairn::crypto {
namespace {

std::array<uint8_t, kX25519Bytes> FromHexArray(std::string_view text) {
  std::array<uint8_t, kX25519Bytes> bytes{};
  const auto decoded = FromHex(text);
  EXPECT_TRUE(decoded && decoded->size() == bytes.size());
  std::copy(decoded->begin(), decoded->end(), bytes.begin());
  return bytes;
}

X25519PrivateKey Private(std::string_view hex) {
  return X25519PrivateKey::FromSeed(FromHexArray(hex));
}

std::string Shared(const X25519PrivateKey& key, const X25519PublicKey& peer) {
  auto secret = SharedSecret(key, peer);
  return secret.ok() ? ToHex(secret->view()) : secret.error().message;
}

// RFC 7748, section 5.2; the second peer has the bit set that must be ignored.
TEST(X25519, MatchesPublishedScalarMultiplications) {
  EXPECT_EQ(
      Shared(Private("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
             {FromHexArray("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")}),
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(
      Shared(Private("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
             {FromHexArray("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")}),
      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

// RFC 7748, section 5.2: the vector after 1,000 rounds.
TEST(X25519, MatchesThePublishedIteration) {
  std::array<uint8_t, kX25519Bytes> k{9};
  std::array<uint8_t, kX25519Bytes> u = k;
  for (int round = 0; round < 1000; ++round) {
    auto secret = SharedSecret(X25519PrivateKey::FromSeed(k), {u});
    ASSERT_TRUE(secret.ok());
    u = k;
    std::copy(secret->view().begin(), secret->view().end(), k.begin());
  }
  EXPECT_EQ(ToHex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

// RFC 7748, section 6.1.
TEST(X25519, MatchesPublishedKeyAgreement) {
  const X25519PrivateKey alice =
      Private("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const X25519PrivateKey bob =
      Private("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  auto alice_public = PublicOf(alice);
  auto bob_public = PublicOf(bob);
  ASSERT_TRUE(alice_public.ok() && bob_public.ok());
  EXPECT_EQ(ToHex(alice_public->bytes),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(ToHex(bob_public->bytes),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const std::string shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(Shared(alice, *bob_public), shared);
  EXPECT_EQ(Shared(bob, *alice_public), shared);
}

TEST(X25519, GeneratedKeysDifferAndAgree) {
  auto a = X25519PrivateKey::Generate();
  auto b = X25519PrivateKey::Generate();
  ASSERT_TRUE(a.ok() && b.ok());
  auto a_public = PublicOf(*a);
  auto b_public = PublicOf(*b);
  ASSERT_TRUE(a_public.ok() && b_public.ok());
  EXPECT_NE(*a_public, *b_public);
  EXPECT_EQ(Shared(*a, *b_public), Shared(*b, *a_public));
}

// Points of small order, as a hostile repository could put in place of a public key.
TEST(X25519, PublicKeysThatGiveZeroAreDamage) {
  const X25519PrivateKey key =
      Private("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  for (std::string_view hex :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    auto secret = SharedSecret(key, {FromHexArray(hex)});
    ASSERT_FALSE(secret.ok()) << hex;
    EXPECT_EQ(secret.code(), Code::kDamaged);
  }
}

}  // namespace
}  // namespace pgcairn::crypto
