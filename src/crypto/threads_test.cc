// What the headers of this folder call safe from every thread gives each of many threads what it
// gives one; the thread sanitizer sees what they share.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crypto/fingerprint.h"
#include "crypto/hkdf.h"
#include "crypto/library_context.h"
#include "crypto/random.h"
#include "crypto/scrypt.h"
#include "crypto/sha256.h"
#include "crypto/x25519.h"

namespace pgcairn::crypto {
namespace {

constexpr size_t kThreads = 4;

// What `function` gives for each of a hundred numbers, on each of several threads that begin
// together.
std::vector<std::vector<std::string>> OnManyThreads(
    const std::function<std::string(uint8_t)>& function) {
  std::vector<std::vector<std::string>> results(kThreads);
  std::atomic<size_t> ready{0};
  std::vector<std::thread> threads;
  for (std::vector<std::string>& mine : results) {
    threads.emplace_back([&] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      for (uint8_t i = 0; i < 100; ++i) mine.push_back(function(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

void ExpectTheSameOnManyThreads(const std::function<std::string(uint8_t)>& function) {
  std::vector<std::string> expected;
  for (uint8_t i = 0; i < 100; ++i) expected.push_back(function(i));
  EXPECT_EQ(std::set<std::string>(expected.begin(), expected.end()).size(), 100u);
  for (const std::vector<std::string>& result : OnManyThreads(function)) {
    EXPECT_EQ(result, expected);
  }
}

TEST(Threads, FirstUsesAtOnceMakeOneLibraryContext) {
  std::set<std::string> contexts;
  for (const auto& result :
       OnManyThreads([](uint8_t) { return fmt::format("{}", fmt::ptr(LibraryContext())); })) {
    contexts.insert(result.begin(), result.end());
  }
  EXPECT_EQ(contexts.size(), 1u);
}

TEST(Threads, HashesAreTheSame) {
  ExpectTheSameOnManyThreads([](uint8_t i) { return Sha256(Bytes(1000, i)).ToHex(); });
  ExpectTheSameOnManyThreads([](uint8_t i) {
    return HmacSha256(Bytes(32, i), {AsBytes("a"), AsBytes("b")}).ToHex();
  });
}

TEST(Threads, FingerprintsOfOneObjectAreTheSame) {
  const PageFingerprint fingerprint(Bytes(kFingerprintSecretBytes, 7));
  ExpectTheSameOnManyThreads(
      [&](uint8_t i) { return std::to_string(fingerprint.Of(Bytes(8192, i))); });
}

TEST(Threads, DerivedKeysAreTheSame) {
  ExpectTheSameOnManyThreads([](uint8_t i) {
    Bytes out(80);
    CHECK(HkdfSha256(Bytes(32, i), AsBytes("salt"), AsBytes("info"), out).ok());
    return ToHex(out);
  });
  ExpectTheSameOnManyThreads([](uint8_t i) {
    return ToHex(Scrypt(Bytes(10, i), AsBytes("salt"), {4, 8, 1}, 32)->view());
  });
}

TEST(Threads, AgreedKeysAreTheSame) {
  std::array<uint8_t, kX25519Bytes> seed{};
  const X25519PrivateKey mine = X25519PrivateKey::FromSeed(seed);
  ExpectTheSameOnManyThreads([&](uint8_t i) {
    std::array<uint8_t, kX25519Bytes> theirs{};
    theirs[5] = i;
    X25519PublicKey peer = *PublicOf(X25519PrivateKey::FromSeed(theirs));
    return ToHex(SharedSecret(mine, peer)->view());
  });
}

TEST(Threads, RandomBytesAreNeverTheSame) {
  std::set<std::string> seen;
  for (const auto& result : OnManyThreads([](uint8_t) { return ToHex(*RandomBytes(16)); })) {
    seen.insert(result.begin(), result.end());
  }
  EXPECT_EQ(seen.size(), kThreads * 100);
}

}  // namespace
}  // namespace pgcairn::crypto
