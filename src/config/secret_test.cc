#include "config/secret.h"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace pgcairn::config {
namespace {

template <typename T, typename = void>
struct Streams : std::false_type {};
template <typename T>
struct Streams<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};

TEST(Secret, PrintsAsStars) {
  EXPECT_EQ(fmt::format("[{}]", Secret("hunter2")), "[***]");
  EXPECT_EQ(fmt::format("[{:>5}]", Secret()), "[  ***]");
  EXPECT_FALSE(Streams<Secret>::value);
}

TEST(Secret, HoldsCopiesAndMovesItsText) {
  Secret secret("hunter2");
  EXPECT_EQ(secret.Reveal(), "hunter2");
  EXPECT_STREQ(secret.RevealCString(), "hunter2");
  Secret copy = secret;
  Secret moved = std::move(secret);
  EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): the state is promised
  EXPECT_EQ(copy.Reveal(), "hunter2");
  EXPECT_EQ(moved.Reveal(), "hunter2");
  moved = Secret("other");
  copy = moved;
  EXPECT_EQ(copy.Reveal(), "other");
  copy = *&copy;
  EXPECT_EQ(copy.Reveal(), "other");
}

TEST(Secret, AnEmptyOneIsEmptyText) {
  Secret empty("");
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.Reveal(), "");
  EXPECT_STREQ(empty.RevealCString(), "");
}

TEST(Secret, AssignmentWipesTheBytesInPlace) {
  Secret secret("a-long-enough-passphrase");
  const char* bytes = secret.RevealCString();
  // Shorter: the vector keeps its memory, so the old bytes can be looked at without touching freed
  // memory.
  Secret shorter("b");
  secret = static_cast<const Secret&>(shorter);
  ASSERT_EQ(secret.RevealCString(), bytes);
  EXPECT_STREQ(bytes, "b");
  for (size_t i = 2; i < std::strlen("a-long-enough-passphrase"); ++i) EXPECT_EQ(bytes[i], '\0');
}

TEST(WipeText, LeavesAnEmptyString) {
  std::string text = "hunter2";
  WipeText(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::memcmp(text.data(), "\0\0\0\0\0\0\0", 7), 0);
}

}  // namespace
}  // namespace pgcairn::config
