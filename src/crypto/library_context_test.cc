#include "crypto/library_context.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include <fstream>

#include "crypto/aead.h"
#include "crypto/init_library.h"
#include "crypto/scrypt.h"
#include "crypto/x25519.h"

namespace pgcairn::crypto {
namespace {

// What a process knows of openssl.cnf is settled once, so each case runs in a process of its own
// (a "threadsafe" death test executes the program again).
class LibraryContextDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    path_ = testing::TempDir() + "openssl-" + std::to_string(getpid()) + ".cnf";
    // Only the "base" provider, which has no algorithms.
    std::ofstream(path_) << "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = base\n"
                            "[base]\nactivate = 1\n";
    setenv("OPENSSL_CONF", path_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("OPENSSL_CONF");
    unlink(path_.c_str());
  }

  std::string path_;
};

bool HostOffersSha256() {
  EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_free(fetched);
  return fetched != nullptr;
}

bool EverythingWorks() {
  const std::array<uint8_t, kAeadKeyBytes> key{1};
  Aead aead(key);
  Bytes sealed(kTagBytes);
  auto private_key = X25519PrivateKey::Generate();
  return aead.Seal(0, {}, {}, sealed).ok() && aead.Open(0, {}, sealed, {}).ok() &&
         private_key.ok() && PublicOf(*private_key).ok() &&
         Scrypt(AsBytes("p"), AsBytes("s"), {4, 8, 1}, 32).ok();
}

TEST_F(LibraryContextDeathTest, HostConfigurationCannotTakeAlgorithmsAway) {
  EXPECT_EXIT(exit(!HostOffersSha256() && EverythingWorks() ? 0 : 1), testing::ExitedWithCode(0),
              "");
}

TEST_F(LibraryContextDeathTest, InitWithoutTlsReadsNoHostConfiguration) {
  EXPECT_EXIT(
      {
        InitLibraryWithoutTls();
        exit(HostOffersSha256() && EverythingWorks() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(LibraryContext, IsOneForTheProcess) {
  EXPECT_NE(LibraryContext(), nullptr);
  EXPECT_EQ(LibraryContext(), LibraryContext());
}

}  // namespace
}  // namespace pgcairn::crypto
