#include "crypto/random.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

namespace pgcairn::crypto {
namespace {

void Ignore(int) {}

// A signal makes getrandom(2) return less than it was asked for.
TEST(Random, FillsTheWholeBufferUnderSignals) {
  struct sigaction interrupting = {};
  interrupting.sa_handler = Ignore;
  struct sigaction previous = {};
  ASSERT_EQ(sigaction(SIGALRM, &interrupting, &previous), 0);
  const itimerval often{{0, 200}, {0, 200}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  Bytes bytes(8u << 20, 0);
  const Status status = FillRandom(bytes);
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &previous, nullptr);

  ASSERT_TRUE(status.ok());
  for (size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 4096}) {
    std::set<uint8_t> values(bytes.begin() + at, bytes.begin() + at + 4096);
    EXPECT_GT(values.size(), 200u) << "4096 bytes at " << at << " are not random";
  }
}

TEST(Random, NeverRepeats) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) {
    Result<Bytes> bytes = RandomBytes(16);
    ASSERT_TRUE(bytes.ok());
    ASSERT_EQ(bytes->size(), 16u);
    EXPECT_TRUE(seen.insert(*bytes).second);
  }
}

TEST(Random, AChildProcessDoesNotRepeatItsParent) {
  ASSERT_TRUE(RandomBytes(16).ok());  // what a generator in the process would share
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Result<Bytes> bytes = RandomBytes(16);
    bool written = bytes.ok() && ::write(ends[1], bytes->data(), 16) == 16;
    ::_exit(written ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  Bytes of_child(16);
  ASSERT_EQ(::read(ends[0], of_child.data(), 16), 16);
  EXPECT_NE(*RandomBytes(16), of_child);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Random, SecretHasTheSizeAskedFor) {
  Result<SecretBytes> a = RandomSecret(32);
  Result<SecretBytes> b = RandomSecret(32);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->size(), 32u);
  EXPECT_NE(ToBytes(a->view()), ToBytes(b->view()));
  Result<SecretBytes> none = RandomSecret(0);
  EXPECT_TRUE(none.ok() && none->empty());
}

}  // namespace
}  // namespace pgcairn::crypto
