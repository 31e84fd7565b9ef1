#include "repository/keys/access_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "crypto/random.h"
#include "crypto/sha256.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::repository {
namespace {

const Place kKeyPlace{{{1}}, {{2}}};

AccessKeyPair NewPair() {
  Result<AccessKeyPair> pair = AccessKeyPair::Generate();
  CHECK(pair.ok());
  return std::move(pair).value();
}

AccessKeyPair Copy(const AccessKeyPair& pair) {
  return AccessKeyPair::FromPrivate(
             crypto::X25519PrivateKey::FromSeed(pair.private_key.bytes.view()))
      .value();
}

RootSecret NewRoot() {
  RootSecret root;
  CHECK(crypto::FillRandom(root.span()).ok());
  return root;
}

format::AccessKeyObject SealedTo(const AccessKeyPair& pair, const RootSecret& root) {
  NewAccessKey key;
  key.pair = Copy(pair);
  key.label = "host";
  Result<format::AccessKeyObject> object = SealRoot(root, 1, kKeyPlace, std::move(key));
  CHECK(object.ok());
  return *object;
}

TEST(KeyFile, ComesBackAsItWasWritten) {
  AccessKeyPair pair = NewPair();
  crypto::SecretBytes line = EncodeKeyFile(pair);
  std::string text(AsText(line.view()));
  EXPECT_TRUE(text.starts_with("PGCAIRN-ACCESS-KEY-1 " + pair.id.ToHex() + " "));
  EXPECT_EQ(text.size(), 21u + 16 + 1 + 64 + 1);
  for (const char* ending : {"", "\n", "\r\n", " \n\n"}) {
    std::string variant = text.substr(0, text.size() - 1) + ending;
    Result<AccessKeyPair> decoded = DecodeKeyFile(AsBytes(variant));
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    EXPECT_EQ(decoded->id, pair.id);
    EXPECT_EQ(decoded->public_key, pair.public_key);
  }
}

TEST(KeyFile, OtherTextsAreAWrongKeyAndNeverShown) {
  AccessKeyPair pair = NewPair();
  std::string text(AsText(EncodeKeyFile(pair).view()));
  size_t secret_at = text.size() - 65;
  std::string secret = text.substr(secret_at, 64);
  for (size_t at = 0; at + 1 < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'e' ? 'd' : 'e';
    Result<AccessKeyPair> decoded = DecodeKeyFile(AsBytes(changed));
    // Bits of these two digits do not count in X25519 (RFC 7748): the key can still be the same.
    if (decoded.ok() && (at == secret_at + 1 || at == secret_at + 62)) {
      EXPECT_EQ(decoded->public_key, pair.public_key);
      continue;
    }
    ASSERT_FALSE(decoded.ok()) << at;
    EXPECT_EQ(decoded.code(), Code::kWrongKey);
    EXPECT_EQ(decoded.error().message.find(secret), std::string::npos);
  }
  for (const std::string& other : {std::string(), std::string("\n"), text + text,
                                   text.substr(0, 40), std::string("PGCAIRN-ACCESS-KEY-1 x")}) {
    EXPECT_EQ(DecodeKeyFile(AsBytes(other)).code(), Code::kWrongKey);
  }
}

TEST(KeyFile, IsWrittenOnceForItsOwnerOnly) {
  storage::ScratchDirectory scratch;
  std::string path = scratch.path() + "/keys/host.key";
  EXPECT_EQ(ReadKeyFile(path).code(), Code::kNotFound);
  AccessKeyPair pair = NewPair();
  ASSERT_TRUE(WriteKeyFile(path, pair).ok());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(WriteKeyFile(path, NewPair()).code(), Code::kAlreadyExists);
  Result<AccessKeyPair> read = ReadKeyFile(path);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->id, pair.id);
}

TEST(KeyFile, ThatOthersCanReadIsRefusedWithTheChmodLine) {
  storage::ScratchDirectory scratch;
  std::string path = scratch.path() + "/host.key";
  ASSERT_TRUE(WriteKeyFile(path, NewPair()).ok());
  for (mode_t mode : {0640u, 0604u, 0620u, 0610u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    Result<AccessKeyPair> read = ReadKeyFile(path);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.code(), Code::kPermission);
    EXPECT_EQ(read.error().hint, "chmod 600 " + path);
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(ReadKeyFile(path).ok());
}

TEST(AccessKeyObject, OpensWithItsKeyOnly) {
  AccessKeyPair pair = NewPair();
  RootSecret root = NewRoot();
  format::AccessKeyObject object = SealedTo(pair, root);
  Result<RootSecret> opened = OpenRoot(object, pair, kKeyPlace.repository);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(crypto::ConstantTimeEqual(opened->view(), root.view()));
  EXPECT_EQ(OpenRoot(object, NewPair(), kKeyPlace.repository).code(), Code::kWrongKey);
  RepositoryId other = kKeyPlace.repository;
  other.bytes[0] = 77;
  EXPECT_EQ(OpenRoot(object, pair, other).code(), Code::kWrongKey);
  EXPECT_EQ(object.SerializeAsString().find(ToString(root.view())), std::string::npos);
}

TEST(AccessKeyObject, EveryFieldThatCountsIsBound) {
  AccessKeyPair pair = NewPair();
  const format::AccessKeyObject object = SealedTo(pair, NewRoot());
  auto refused = [&](auto change) {
    format::AccessKeyObject changed = object;
    change(changed);
    Result<RootSecret> opened = OpenRoot(changed, pair, kKeyPlace.repository);
    return !opened.ok() && (opened.code() == Code::kWrongKey || opened.code() == Code::kDamaged);
  };
  auto flip = [](std::string* field) { (*field)[0] ^= 1; };
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_cluster_id()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_access_key_id()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_root_id()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_public_key()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_public_key_mac()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_ephemeral_public_key()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_seal_salt()); }));
  EXPECT_TRUE(refused([&](auto& o) { flip(o.mutable_sealed_root()); }));
  EXPECT_TRUE(refused([&](auto& o) { o.set_generation(2); }));
  EXPECT_TRUE(refused([&](auto& o) { o.set_kind(format::AccessKeyObject::PASSPHRASE); }));
  EXPECT_TRUE(refused([&](auto& o) { o.mutable_sealed_root()->pop_back(); }));
  EXPECT_TRUE(refused([&](auto& o) { o.clear_ephemeral_public_key(); }));
}

TEST(AccessKeyObject, ExpensiveParametersAreRefused) {
  format::AccessKeyObject object;
  object.mutable_scrypt()->set_salt(std::string(32, 's'));
  object.mutable_scrypt()->set_log2_n(21);
  object.mutable_scrypt()->set_r(8);
  object.mutable_scrypt()->set_p(1);
  EXPECT_EQ(PairFromPassphrase(object, AsBytes("secret")).code(), Code::kUnsupported);
}

TEST(AccessKeyObject, OfAnUnencryptedClusterHoldsTheRootItself) {
  RootSecret root = NewRoot();
  NewAccessKey key;
  key.kind = format::AccessKeyObject::UNENCRYPTED;
  format::AccessKeyObject object = *SealRoot(root, 1, kKeyPlace, std::move(key));
  Result<RootSecret> opened = PlainRoot(object);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(crypto::ConstantTimeEqual(opened->view(), root.view()));
  object.mutable_plain_root()->at(5) ^= 1;
  EXPECT_EQ(PlainRoot(object).code(), Code::kDamaged);
  object.mutable_plain_root()->pop_back();
  EXPECT_EQ(PlainRoot(object).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
