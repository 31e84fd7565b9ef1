#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace pgcairn::crypto {
namespace {

constexpr std::array<uint8_t, kAeadKeyBytes> kZeroKey{};

std::array<uint8_t, kAeadKeyBytes> CountingKey() {
  std::array<uint8_t, kAeadKeyBytes> key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  return key;
}

Bytes Sealed(Aead& aead, uint64_t counter, ByteView associated_data, ByteView plain) {
  Bytes out(plain.size() + kTagBytes);
  EXPECT_TRUE(aead.Seal(counter, associated_data, plain, out).ok());
  return out;
}

Result<Bytes> Opened(Aead& aead, uint64_t counter, ByteView associated_data, ByteView sealed) {
  Bytes out(sealed.size() - kTagBytes);
  RETURN_IF_ERROR(aead.Open(counter, associated_data, sealed, out));
  return out;
}

// The GCM specification's test cases 13 and 14; the last was made with another implementation
// (python3-cryptography) and fixes the layout of the nonce.
TEST(Aead, MatchesPublishedVectors) {
  Aead zero(kZeroKey);
  EXPECT_EQ(ToHex(Sealed(zero, 0, {}, {})), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(ToHex(Sealed(zero, 0, {}, Bytes(16, 0))),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  Aead counting(CountingKey());
  EXPECT_EQ(ToHex(Sealed(counting, 0x0123456789abcdef, AsBytes("header"),
                         AsBytes("plain text of one blob"))),
            "1a32084b13f630e3515a6fa09a571477a9a002f721818de43ffaca55060ea8b526873c0a93e3");
}

TEST(Aead, NonceIsFourZeroBytesThenTheCounterLittleEndian) {
  EXPECT_EQ(ToHex(AeadNonce(0x0123456789abcdef)), "00000000efcdab8967452301");
}

TEST(Aead, EveryCounterSealsDifferently) {
  Aead aead(CountingKey());
  std::set<Bytes> seen;
  std::vector<uint64_t> counters{~uint64_t{0}};
  for (int bit = 0; bit < 64; ++bit) counters.push_back(uint64_t{1} << bit);
  for (uint64_t counter = 5; counter < 8; ++counter) counters.push_back(counter * 3);
  for (uint64_t counter : counters) {
    EXPECT_TRUE(seen.insert(Sealed(aead, counter, {}, Bytes(32, 0))).second) << counter;
  }
}

TEST(Aead, OpensWhatItSealedAtAnySize) {
  Aead aead(CountingKey());
  for (size_t size : {0, 1, 15, 16, 17, 8191, 8192, 262144}) {
    Bytes plain(size);
    for (size_t i = 0; i < size; ++i) plain[i] = static_cast<uint8_t>(i * 7);
    const Bytes sealed = Sealed(aead, size, AsBytes("ad"), plain);
    Result<Bytes> opened = Opened(aead, size, AsBytes("ad"), sealed);
    ASSERT_TRUE(opened.ok()) << size;
    EXPECT_EQ(*opened, plain);
  }
}

TEST(Aead, AnyChangedBitIsDamage) {
  Aead aead(CountingKey());
  const Bytes associated_data = ToBytes(AsBytes("repository, cluster, salt"));
  const Bytes plain(50, 'p');
  const Bytes sealed = Sealed(aead, 9, associated_data, plain);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] = static_cast<uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    Result<Bytes> opened = Opened(aead, 9, associated_data, changed);
    ASSERT_FALSE(opened.ok()) << "bit " << bit << " of ciphertext and tag";
    EXPECT_EQ(opened.code(), Code::kDamaged);
  }
  for (size_t bit = 0; bit < associated_data.size() * 8; ++bit) {
    Bytes changed = associated_data;
    changed[bit / 8] = static_cast<uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(Opened(aead, 9, changed, sealed).ok()) << "bit " << bit << " of associated data";
  }
  EXPECT_TRUE(Opened(aead, 9, associated_data, sealed).ok()) << "failures leave no trace";
}

TEST(Aead, WrongCounterKeyOrLengthIsDamage) {
  Aead aead(CountingKey());
  Aead other(kZeroKey);
  const Bytes sealed = Sealed(aead, 1, {}, Bytes(40, 'p'));
  EXPECT_EQ(Opened(aead, 2, {}, sealed).code(), Code::kDamaged);
  EXPECT_EQ(Opened(other, 1, {}, sealed).code(), Code::kDamaged);
  EXPECT_EQ(Opened(aead, 1, AsBytes("x"), sealed).code(), Code::kDamaged);
  EXPECT_EQ(Opened(aead, 1, {}, ByteView(sealed).first(sealed.size() - 1)).code(), Code::kDamaged);
  Bytes longer = sealed;
  longer.push_back(0);
  EXPECT_EQ(Opened(aead, 1, {}, longer).code(), Code::kDamaged);
  EXPECT_EQ(aead.Open(1, {}, ByteView(sealed).first(kTagBytes - 1), {}).code(), Code::kDamaged);
}

TEST(Aead, BytesThatFailTheCheckNeverReachTheCaller) {
  Aead aead(CountingKey());
  Bytes sealed = Sealed(aead, 1, {}, Bytes(40, 'p'));
  sealed.back() ^= 1;
  Bytes out(40, 'x');
  EXPECT_FALSE(aead.Open(1, {}, sealed, out).ok());
  EXPECT_EQ(out, Bytes(40, 0));
}

TEST(Aead, WorksInPlace) {
  Aead aead(CountingKey());
  const Bytes plain(1000, 'p');
  Bytes buffer = plain;
  buffer.resize(plain.size() + kTagBytes);
  ASSERT_TRUE(aead.Seal(3, AsBytes("ad"), ByteView(buffer).first(plain.size()), buffer).ok());
  EXPECT_EQ(buffer, Sealed(aead, 3, AsBytes("ad"), plain));
  ASSERT_TRUE(aead.Open(3, AsBytes("ad"), buffer, std::span(buffer).first(plain.size())).ok());
  EXPECT_EQ(ToBytes(ByteView(buffer).first(plain.size())), plain);
}

TEST(Aead, SurvivesAMove) {
  Aead first(CountingKey());
  const Bytes sealed = Sealed(first, 1, {}, Bytes(10, 'p'));
  Aead second = std::move(first);
  EXPECT_EQ(Sealed(second, 1, {}, Bytes(10, 'p')), sealed);
  Aead third(kZeroKey);
  third = std::move(second);
  EXPECT_TRUE(Opened(third, 1, {}, sealed).ok());
}

TEST(AeadDeathTest, WrongOutputSizeAborts) {
  Aead aead(kZeroKey);
  Bytes out(15);
  EXPECT_DEATH((void)aead.Seal(0, {}, {}, out), "out.size");
}

TEST(Aead, ObjectsOnOneKeyWorkInParallel) {
  std::vector<std::thread> threads;
  std::vector<int> opened(4, 0);
  for (size_t t = 0; t < opened.size(); ++t) {
    threads.emplace_back([t, &opened] {
      Aead aead(CountingKey());
      for (uint64_t i = 0; i < 200; ++i) {
        const Bytes plain(i * 11, static_cast<uint8_t>(t));
        const Bytes sealed = Sealed(aead, i, AsBytes("ad"), plain);
        Result<Bytes> back = Opened(aead, i, AsBytes("ad"), sealed);
        if (back.ok() && *back == plain) ++opened[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, std::vector<int>(4, 200));
}

}  // namespace
}  // namespace pgcairn::crypto
