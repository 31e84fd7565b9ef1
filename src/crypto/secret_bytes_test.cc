#include "crypto/secret_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <type_traits>

namespace {

// What the heap gets back, looked at just before it is freed.
std::atomic<void*> g_watched{nullptr};
std::atomic<size_t> g_watched_size{0};
std::atomic<int> g_nonzero_when_freed{-1};

}  // namespace

void* operator new[](size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete[](void* memory) noexcept {
  if (memory != nullptr && memory == g_watched.load()) {
    const auto* bytes = static_cast<const uint8_t*>(memory);
    g_nonzero_when_freed = static_cast<int>(
        std::count_if(bytes, bytes + g_watched_size.load(), [](uint8_t b) { return b != 0; }));
    g_watched = nullptr;
  }
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept { operator delete[](memory); }

namespace pgcairn::crypto {
namespace {

const Bytes kSecret{'s', 'e', 'c', 'r', 'e', 't', '!', '!'};

void Watch(const SecretBytes& secret) {
  g_nonzero_when_freed = -1;
  g_watched_size = secret.size();
  g_watched = const_cast<uint8_t*>(secret.view().data());
}

template <typename View>
Bytes Copy(const View& view) {
  return {view.begin(), view.end()};
}

TEST(SecretBytes, HeapGetsOnlyZerosBackOnDestruction) {
  {
    SecretBytes secret = SecretBytes::CopyOf(kSecret);
    Watch(secret);
  }
  EXPECT_EQ(g_nonzero_when_freed, 0);
}

TEST(SecretBytes, HeapGetsOnlyZerosBackOnAssignment) {
  SecretBytes secret = SecretBytes::CopyOf(kSecret);
  Watch(secret);
  secret = SecretBytes(3);
  EXPECT_EQ(g_nonzero_when_freed, 0);
  EXPECT_EQ(secret.size(), 3u);
}

TEST(SecretBytes, MovedFromIsEmptyAndTheBufferIsTheSame) {
  SecretBytes from = SecretBytes::CopyOf(kSecret);
  const SecretBytes& source = from;
  const uint8_t* buffer = from.view().data();
  SecretBytes to = std::move(from);
  EXPECT_EQ(to.view().data(), buffer);
  EXPECT_EQ(Copy(to.view()), kSecret);
  EXPECT_TRUE(source.empty());
  EXPECT_EQ(source.view().data(), nullptr);
}

TEST(SecretBytes, OnlyCloneCopies) {
  static_assert(!std::is_copy_constructible_v<SecretBytes>);
  static_assert(!std::is_copy_assignable_v<SecretBytes>);
  SecretBytes secret = SecretBytes::CopyOf(kSecret);
  SecretBytes clone = secret.Clone();
  clone.span()[0] = 'S';
  EXPECT_EQ(Copy(secret.view()), kSecret);
  EXPECT_EQ(clone.view()[0], 'S');
}

TEST(SecretBytes, StartsZeroAndMayBeEmpty) {
  EXPECT_EQ(Copy(SecretBytes(4).view()), Bytes(4, 0));
  EXPECT_TRUE(SecretBytes::CopyOf({}).empty());
  EXPECT_TRUE(SecretBytes(0).Clone().empty());
}

TEST(SecretBytes, SelfAssignmentKeepsTheContent) {
  SecretBytes secret = SecretBytes::CopyOf(kSecret);
  SecretBytes& same = secret;
  secret = std::move(same);
  EXPECT_EQ(Copy(secret.view()), kSecret);
}

TEST(SecretArray, StorageIsZeroAfterDestruction) {
  using Array = SecretArray<8>;
  alignas(Array) unsigned char storage[sizeof(Array)];
  auto* secret = new (storage) Array(std::span<const uint8_t, 8>(kSecret.data(), 8));
  EXPECT_EQ(Copy(secret->view()), kSecret);
  secret->~Array();
  const volatile unsigned char* after = storage;
  for (size_t i = 0; i < sizeof storage; ++i) EXPECT_EQ(after[i], 0) << "byte " << i;
}

TEST(SecretArray, MovingWipesTheSource) {
  static_assert(!std::is_copy_constructible_v<SecretArray<8>>);
  SecretArray<8> from(std::span<const uint8_t, 8>(kSecret.data(), 8));
  const SecretArray<8>& source = from;
  SecretArray<8> to = std::move(from);
  EXPECT_EQ(Copy(source.view()), Bytes(8, 0));
  EXPECT_EQ(Copy(to.view()), kSecret);
  const SecretArray<8>& second_source = to;
  SecretArray<8> assigned;
  EXPECT_EQ(Copy(assigned.view()), Bytes(8, 0));
  assigned = std::move(to);
  EXPECT_EQ(Copy(second_source.view()), Bytes(8, 0));
  EXPECT_EQ(Copy(assigned.view()), kSecret);
  EXPECT_EQ(Copy(assigned.Clone().view()), kSecret);
}

TEST(Wipe, ZeroesExactlyTheGivenBytes) {
  Bytes bytes = kSecret;
  Wipe(std::span(bytes).subspan(1, 6));
  EXPECT_EQ(bytes, (Bytes{'s', 0, 0, 0, 0, 0, 0, '!'}));
  Wipe({});
}

}  // namespace
}  // namespace pgcairn::crypto
