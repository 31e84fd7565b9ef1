#include "repository/keys/key_ring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "repository/testing/key_folder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

using storage::FaultEffect;
using storage::FaultyStorage;
using storage::MemoryStorage;
using storage::Request;

class KeyRingTest : public ::testing::Test {
 protected:
  NewAccessKey KeyFile(const std::string& file) { return folder_.Key(file); }

  template <typename... Keys>
  Status Create(Keys... keys) {
    std::vector<NewAccessKey> list;
    (list.push_back(std::move(keys)), ...);
    return CreateKeys(*storage_, names_, repository_, std::move(list));
  }

  Result<KeyRing> OpenWithFile(const std::string& file) {
    return OpenKeyRing(*storage_, names_, repository_, folder_.With(file));
  }

  std::string Path(const std::string& file) const { return folder_.Path(file); }

  std::vector<std::string> NamesIn(const std::string& directory) {
    std::vector<std::string> names;
    Result<storage::Listing> listing = storage_->List(directory);
    CHECK(listing.ok());
    for (const storage::ObjectInfo& object : listing->objects) {
      names.push_back(object.name);
    }
    return names;
  }

  void FlipAll(const std::string& directory, bool copies_too) {
    for (const std::string& name : NamesIn(directory)) {
      if (name.ends_with(kCopySuffix) && !copies_too) continue;
      Bytes bytes = Content(*storage_, name);
      bytes[bytes.size() / 2] ^= 1;
      Replace(*storage_, name, bytes);
    }
  }

  KeyFolder folder_;
  std::shared_ptr<FaultyStorage> storage_ =
      std::make_shared<FaultyStorage>(std::make_shared<MemoryStorage>());
  ClusterNames names_{"main"};
  RepositoryId repository_{{1, 2, 3}};
};

void ExpectSameKeys(const KeyRing& a, const KeyRing& b) {
  EXPECT_EQ(a.cluster_id(), b.cluster_id());
  EXPECT_EQ(a.Current().id, b.Current().id);
  EXPECT_EQ(ToHex(a.Current().key), ToHex(b.Current().key));
  EXPECT_EQ(ToHex(a.fingerprint_secret()), ToHex(b.fingerprint_secret()));
  EXPECT_EQ(ToHex(a.wal_identity_key()), ToHex(b.wal_identity_key()));
  EXPECT_EQ(ToHex(a.chunk_key()), ToHex(b.chunk_key()));
}

TEST_F(KeyRingTest, EveryAccessKeyOpensTheSameKeys) {
  auto passphrase = crypto::SecretBytes::CopyOf(AsBytes("correct horse"));
  NewAccessKey by_passphrase;
  by_passphrase.kind = format::AccessKeyObject::PASSPHRASE;
  by_passphrase.passphrase = &passphrase;
  ASSERT_TRUE(Create(KeyFile("host.key"), KeyFile("recovery.key"), std::move(by_passphrase)).ok());

  Result<KeyRing> host = OpenWithFile("host.key");
  ASSERT_TRUE(host.ok()) << host.error().message;
  EXPECT_TRUE(host->encrypted());
  EXPECT_EQ(host->generation(), 1u);
  Result<KeyRing> recovery = OpenWithFile("recovery.key");
  ASSERT_TRUE(recovery.ok()) << recovery.error().message;
  ExpectSameKeys(*host, *recovery);
  EXPECT_NE(host->opened_with(), recovery->opened_with());

  // A key file that is not there is passed over: a lost host is restored by the passphrase.
  Credentials credentials = folder_.With("absent.key");
  credentials.passphrase = &passphrase;
  Result<KeyRing> typed = OpenKeyRing(*storage_, names_, repository_, credentials);
  ASSERT_TRUE(typed.ok()) << typed.error().message;
  ExpectSameKeys(*host, *typed);

  auto wrong = crypto::SecretBytes::CopyOf(AsBytes("correct horsf"));
  Result<KeyRing> refused = OpenKeyRing(*storage_, names_, repository_, {"", &wrong, nullptr});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kWrongKey);
  EXPECT_EQ(refused.error().message.find("horsf"), std::string::npos);
  EXPECT_EQ(OpenKeys(*storage_, names_, repository_, {Path("host.key"), nullptr})
                ->access_keys.readable.size(),
            3u);
}

TEST_F(KeyRingTest, AKeyFileOfAnotherClusterIsAWrongKeyThatNamesTheFile) {
  ASSERT_TRUE(Create(KeyFile("host.key")).ok());
  (void)KeyFile("other.key");
  Result<KeyRing> ring = OpenWithFile("other.key");
  ASSERT_FALSE(ring.ok());
  EXPECT_EQ(ring.code(), Code::kWrongKey);
  EXPECT_NE(ring.error().message.find(Path("other.key")), std::string::npos);
  EXPECT_EQ(OpenKeyRing(*storage_, names_, repository_, {}).code(), Code::kWrongKey);
  EXPECT_EQ(OpenWithFile("absent.key").code(), Code::kWrongKey);
}

TEST_F(KeyRingTest, AKeyFileThatOthersCanReadIsRefused) {
  ASSERT_TRUE(Create(KeyFile("host.key")).ok());
  ASSERT_EQ(::chmod(Path("host.key").c_str(), 0644), 0);
  Result<KeyRing> ring = OpenWithFile("host.key");
  ASSERT_FALSE(ring.ok());
  EXPECT_EQ(ring.code(), Code::kPermission);
  EXPECT_EQ(ring.error().hint, "chmod 600 " + Path("host.key"));
}

TEST_F(KeyRingTest, AnUnencryptedClusterNeedsNoKey) {
  NewAccessKey none;
  none.kind = format::AccessKeyObject::UNENCRYPTED;
  ASSERT_TRUE(Create(std::move(none)).ok());
  Result<KeyRing> ring = OpenKeyRing(*storage_, names_, repository_, {});
  ASSERT_TRUE(ring.ok()) << ring.error().message;
  EXPECT_FALSE(ring->encrypted());
  EXPECT_EQ(ring->fingerprint_secret().size(), 192u);
}

TEST_F(KeyRingTest, AnAbsentClusterIsNotFound) {
  Result<KeyRing> ring = OpenWithFile("host.key");
  ASSERT_FALSE(ring.ok());
  EXPECT_EQ(ring.code(), Code::kNotFound);
  EXPECT_NE(ring.error().hint.find("pgcairn init"), std::string::npos);
}

TEST_F(KeyRingTest, AKeyIsFoundByItsIdOnly) {
  ASSERT_TRUE(Create(KeyFile("host.key")).ok());
  Result<KeyRing> ring = OpenWithFile("host.key");
  ASSERT_TRUE(ring.ok());
  EXPECT_TRUE(ring->Find(ring->Current().id).ok());
  EXPECT_EQ(ring->Find(KeyId{{9}}).code(), Code::kWrongKey);
}

TEST_F(KeyRingTest, AnyChangedByteOfAFirstCopyIsMadeUpForByTheSecond) {
  SetLogLevel(LogLevel::kError);  // each use of a copy is a warning
  ASSERT_TRUE(Create(KeyFile("host.key")).ok());
  for (const std::string& directory : {names_.Keys(), names_.Epochs()}) {
    std::string name = NamesIn(directory).front();
    ASSERT_FALSE(name.ends_with(kCopySuffix));
    const Bytes whole = Content(*storage_, name);
    for (size_t at = 0; at < whole.size(); ++at) {
      Bytes changed = whole;
      changed[at] ^= 0x11;
      Replace(*storage_, name, changed);
      Result<KeyRing> ring = OpenWithFile("host.key");
      ASSERT_TRUE(ring.ok()) << name << " byte " << at << ": " << ring.error().message;
    }
    ASSERT_TRUE(storage_->Delete(name).ok());
    EXPECT_TRUE(OpenWithFile("host.key").ok()) << name << " is missing";
    Replace(*storage_, name, whole);
    storage_->Add({.request = Request::kGet, .name_contains = name});
    EXPECT_TRUE(OpenWithFile("host.key").ok()) << name << " cannot be read";
  }
}

TEST_F(KeyRingTest, BothCopiesDamagedIsDamaged) {
  ASSERT_TRUE(Create(KeyFile("host.key")).ok());
  FlipAll(names_.Epochs(), /*copies_too=*/true);
  EXPECT_EQ(OpenWithFile("host.key").code(), Code::kDamaged);
  FlipAll(names_.Epochs(), /*copies_too=*/true);
  ASSERT_TRUE(OpenWithFile("host.key").ok());
  FlipAll(names_.Keys(), /*copies_too=*/true);
  EXPECT_EQ(OpenWithFile("host.key").code(), Code::kDamaged);
}

TEST_F(KeyRingTest, AnAccessKeyThatIsLostLeavesTheOthersOfUse) {
  SetLogLevel(LogLevel::kError);
  std::vector<NewAccessKey> keys;
  keys.push_back(KeyFile("host.key"));
  keys.push_back(KeyFile("recovery.key"));
  ASSERT_TRUE(CreateKeys(*storage_, names_, repository_, std::move(keys)).ok());
  AccessKeyId host = OpenWithFile("host.key")->opened_with();
  for (const std::string& name : NamesIn(names_.Keys())) {
    if (name.find(host.ToHex()) == std::string::npos) continue;
    Bytes content = Content(*storage_, name);
    content[content.size() / 2] ^= 1;
    Replace(*storage_, name, content);
  }
  EXPECT_TRUE(OpenWithFile("recovery.key").ok());
  Result<KeyRing> refused = OpenWithFile("host.key");
  EXPECT_EQ(refused.code(), Code::kDamaged) << "not a wrong key: it was the right one";
  EXPECT_NE(refused.error().message.find(host.ToHex()), std::string::npos);
  const AccessKeys listed =
      OpenKeys(*storage_, names_, repository_, folder_.With("recovery.key"))->access_keys;
  EXPECT_EQ(listed.readable.size(), 1u);
  EXPECT_EQ(listed.damaged.size(), 1u);
}

TEST_F(KeyRingTest, AnInterruptedCreationSaysToRunInitAndIsFinishedByTheNext) {
  for (const char* mode : {"file", "plain"}) {
    auto keys = [&] {
      std::vector<NewAccessKey> list;
      if (std::string_view(mode) == "file") {
        list.push_back(KeyFile("host.key"));
        list.push_back(KeyFile("recovery.key"));
      } else {
        list.emplace_back().kind = format::AccessKeyObject::UNENCRYPTED;
      }
      return list;
    };
    for (uint64_t nth = 1;; ++nth) {
      auto memory = std::make_shared<MemoryStorage>();
      storage_ = std::make_shared<FaultyStorage>(memory);
      storage_->Add({.request = Request::kPut, .nth = nth, .effect = FaultEffect::kCrashAfter});
      Status created = CreateKeys(*storage_, names_, repository_, keys());
      bool crashed = storage_->crashed();
      storage_ = std::make_shared<FaultyStorage>(memory);
      bool exists = !NamesIn(names_.Epochs()).empty();
      if (!exists) {
        Result<KeyRing> ring = OpenWithFile("host.key");
        ASSERT_FALSE(ring.ok());
        EXPECT_EQ(ring.code(), Code::kNotFound);
        EXPECT_NE(ring.error().hint.find("init"), std::string::npos);
        Status again = CreateKeys(*storage_, names_, repository_, keys());
        ASSERT_TRUE(again.ok()) << mode << " put " << nth << ": " << again.error().message;
      }
      Result<KeyRing> ring = OpenWithFile("host.key");
      ASSERT_TRUE(ring.ok()) << mode << " put " << nth << ": " << ring.error().message;
      if (!crashed) {
        EXPECT_TRUE(created.ok());
        break;
      }
    }
  }
}

TEST_F(KeyRingTest, WhoeverComesSecondLeavesTheFirstOnesKeysAsTheyWere) {
  // The other run does everything between this one's keys and its epoch.
  storage_->Add({.request = Request::kPut,
                 .name_contains = "epochs/",
                 .effect = FaultEffect::kRunHook,
                 .hook = [&] { ASSERT_TRUE(Create(KeyFile("first.key")).ok()); }});
  EXPECT_EQ(Create(KeyFile("second.key")).code(), Code::kAlreadyExists);
  EXPECT_TRUE(OpenWithFile("first.key").ok());
  EXPECT_EQ(OpenWithFile("second.key").code(), Code::kWrongKey);
  EXPECT_EQ(Create(KeyFile("third.key")).code(), Code::kAlreadyExists);
  EXPECT_TRUE(OpenWithFile("first.key").ok());
}

}  // namespace
}  // namespace pgcairn::repository
