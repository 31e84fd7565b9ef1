#include "repository/keys/key_change.h"

#include <gtest/gtest.h>

#include <thread>

#include "repository/keys/key_leftovers.h"
#include "repository/keys/key_ring.h"
#include "repository/keys/removed_key.h"
#include "repository/keys/settle_keys.h"
#include "repository/testing/key_folder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

using storage::Fault;
using storage::FaultEffect;
using storage::FaultyStorage;
using storage::MemoryStorage;
using storage::Request;

class KeyChangeTest : public ::testing::Test {
 protected:
  KeyChangeTest() { SetLogLevel(LogLevel::kError); }

  // A cluster that a host and its recovery sheet can open, on a storage without faults.
  void Begin() {
    memory_ = std::make_shared<MemoryStorage>();
    storage_ = std::make_shared<FaultyStorage>(memory_);
    Result<RepositoryId> id = CreateRepository(*memory_);
    CHECK(id.ok());
    repository_ = *id;
    std::vector<NewAccessKey> keys;
    keys.push_back(folder_.Key("host.key"));
    keys.push_back(folder_.Key("recovery.key"));
    CHECK(CreateKeys(*memory_, names_, repository_, std::move(keys)).ok());
    first_.emplace(*Ring("host.key"));
  }
  void SetUp() override { Begin(); }

  // As the next process would, whatever happened to this one.
  Result<KeyRing> Ring(const std::string& file) {
    return OpenKeyRing(*memory_, names_, repository_, folder_.With(file));
  }

  Result<ChangedKeys> Change(storage::Storage& storage, KeyChange change,
                             const std::string& with = "host.key") {
    ASSIGN_OR_RETURN(OpenedKeys opened, OpenKeys(storage, names_, repository_, folder_.With(with)));
    RETURN_IF_ERROR(SettleKeys(storage, names_, opened.root.id, opened.root.object.generation(),
                               opened.epoch->number()));
    return ChangeKeys(storage, names_, opened, std::move(change));
  }

  KeyChange Rotation() { return {}; }
  KeyChange Removal(const std::string& file) {
    KeyChange change;
    change.remove.push_back(folder_.Id(file));
    return change;
  }
  KeyChange Addition(const std::string& file) {
    KeyChange change;
    change.add.push_back(folder_.Key(file));
    return change;
  }

  size_t Count(const std::string& directory) {
    Result<storage::Listing> listing = memory_->List(directory);
    CHECK(listing.ok());
    return listing->objects.size();
  }

  // All that the first keys wrote can be read, and what must outlive every rotation has.
  void ExpectReadsWhatWasWritten(const KeyRing& ring) {
    Result<ByteView> key = ring.Find(first_->Current().id);
    ASSERT_TRUE(key.ok()) << key.error().message;
    EXPECT_EQ(ToHex(*key), ToHex(first_->Current().key));
    EXPECT_EQ(ring.cluster_id(), first_->cluster_id());
    EXPECT_EQ(ToHex(ring.fingerprint_secret()), ToHex(first_->fingerprint_secret()));
    EXPECT_EQ(ToHex(ring.wal_identity_key()), ToHex(first_->wal_identity_key()));
    EXPECT_EQ(ToHex(ring.chunk_key()), ToHex(first_->chunk_key()));
  }

  bool AllWholeAndInForce() {
    Result<std::vector<StoredAccessKey>> stored = ReadAccessKeys(*memory_, names_);
    CHECK(stored.ok());
    const KeyId root = Ring("host.key")->root_id();
    return AccessKeysOf(root, *stored).readable.size() == stored->size();
  }

  void ExpectNothingLeft(size_t access_keys) {
    EXPECT_EQ(Count(names_.Keys()), 2 * access_keys);
    EXPECT_EQ(Count(names_.Epochs()) % 2, 0u);
  }

  KeyFolder folder_;
  ClusterNames names_{"main"};
  RepositoryId repository_;
  std::shared_ptr<MemoryStorage> memory_;
  std::shared_ptr<FaultyStorage> storage_;
  std::optional<KeyRing> first_;
};

TEST_F(KeyChangeTest, ARotationChangesRootAndDataKeyAndNothingElse) {
  Result<ChangedKeys> changed = Change(*storage_, Rotation());
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(changed->generation, 2u);
  EXPECT_EQ(changed->epoch, 2u);
  for (const char* file : {"host.key", "recovery.key"}) {
    Result<KeyRing> ring = Ring(file);
    ASSERT_TRUE(ring.ok()) << ring.error().message;
    EXPECT_EQ(ring->opened_with(), folder_.Id(file));
    EXPECT_NE(ring->root_id(), first_->root_id());
    EXPECT_NE(ring->Current().id, first_->Current().id);
    ExpectReadsWhatWasWritten(*ring);
  }
  ExpectNothingLeft(2);
  EXPECT_TRUE(ListRemovedKeys(*memory_, names_)->empty());
}

TEST_F(KeyChangeTest, LabelsAndTimesOfAccessKeysSurviveARotation) {
  Result<OpenedKeys> before = OpenKeys(*memory_, names_, repository_, folder_.With("host.key"));
  Result<ChangedKeys> changed = Change(*storage_, Rotation());
  ASSERT_TRUE(changed.ok());
  for (size_t i = 0; i < 2; ++i) {
    const format::AccessKeyObject& old = before->access_keys.readable[i];
    const format::AccessKeyObject& now = changed->access_keys[i];
    EXPECT_EQ(old.label(), now.label());
    EXPECT_EQ(old.created_at_us(), now.created_at_us());
    EXPECT_EQ(old.access_key_id(), now.access_key_id());
    EXPECT_NE(old.ephemeral_public_key(), now.ephemeral_public_key());
  }
}

TEST_F(KeyChangeTest, AnAddedKeyOpensAllThatWasWrittenBefore) {
  Result<ChangedKeys> changed = Change(*storage_, Addition("second.key"));
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(changed->added, std::vector<AccessKeyId>{folder_.Id("second.key")});
  ExpectReadsWhatWasWritten(*Ring("second.key"));
  ExpectReadsWhatWasWritten(*Ring("recovery.key"));
  ExpectNothingLeft(3);
  EXPECT_EQ(Change(*storage_, Addition("second.key")).code(), Code::kAlreadyExists);
  ExpectNothingLeft(3);
}

TEST_F(KeyChangeTest, ARemovedKeyOpensNothingAndIsToldSo) {
  ASSERT_TRUE(Change(*storage_, Removal("recovery.key")).ok());
  ExpectReadsWhatWasWritten(*Ring("host.key"));
  ExpectNothingLeft(1);
  Result<KeyRing> refused = Ring("recovery.key");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kWrongKey);
  EXPECT_NE(refused.error().message.find("this access key was removed on 2"), std::string::npos)
      << refused.error().message;
  // A key that never was one is told nothing of the kind.
  CHECK(folder_.Key("other.key").pair.has_value());
  EXPECT_EQ(Ring("other.key").error().message.find("removed"), std::string::npos);
  // Long after, too.
  ASSERT_TRUE(Change(*storage_, Rotation()).ok());
  EXPECT_NE(Ring("recovery.key").error().message.find("was removed on"), std::string::npos);
  EXPECT_EQ(ListRemovedKeys(*memory_, names_)->size(), 1u);
  // And may be made one again.
  ASSERT_TRUE(Change(*storage_, Addition("recovery.key")).ok());
  ExpectReadsWhatWasWritten(*Ring("recovery.key"));
}

TEST_F(KeyChangeTest, TheLastKeyAndUnknownKeysCannotBeRemoved) {
  ASSERT_TRUE(Change(*storage_, Removal("recovery.key")).ok());
  EXPECT_EQ(Change(*storage_, Removal("host.key")).code(), Code::kRefused);
  EXPECT_EQ(Change(*storage_, Removal("recovery.key")).code(), Code::kNotFound);
  EXPECT_TRUE(Ring("host.key").ok());
}

TEST_F(KeyChangeTest, AnUnencryptedClusterHasNoKeysToChange) {
  MemoryCluster cluster = MakeMemoryCluster();
  Result<OpenedKeys> opened =
      OpenKeys(*cluster.storage, cluster.access->names, cluster.access->place.repository, {});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(ChangeKeys(*cluster.storage, cluster.access->names, *opened, {}).code(),
            Code::kRefused);
}

TEST_F(KeyChangeTest, APassphraseWhoseOwnerIsAbsentStaysOneAndCanBeExchanged) {
  auto old_one = crypto::SecretBytes::CopyOf(AsBytes("correct horse"));
  auto new_one = crypto::SecretBytes::CopyOf(AsBytes("battery staple"));
  KeyChange add;
  add.add.push_back({format::AccessKeyObject::PASSPHRASE, std::nullopt, &old_one, "passphrase"});
  Result<ChangedKeys> added = Change(*storage_, std::move(add));
  ASSERT_TRUE(added.ok()) << added.error().message;
  ASSERT_TRUE(Change(*storage_, Rotation()).ok());
  Result<KeyRing> typed = OpenKeyRing(*memory_, names_, repository_, {"", &old_one, nullptr});
  ASSERT_TRUE(typed.ok()) << typed.error().message;
  ExpectReadsWhatWasWritten(*typed);

  KeyChange exchange;
  exchange.remove = added->added;
  exchange.add.push_back(
      {format::AccessKeyObject::PASSPHRASE, std::nullopt, &new_one, "passphrase"});
  ASSERT_TRUE(Change(*storage_, std::move(exchange)).ok());
  ExpectReadsWhatWasWritten(*OpenKeyRing(*memory_, names_, repository_, {"", &new_one, nullptr}));
  Result<KeyRing> refused = OpenKeyRing(*memory_, names_, repository_, {"", &old_one, nullptr});
  EXPECT_EQ(refused.code(), Code::kWrongKey);
  EXPECT_NE(refused.error().hint.find("a passphrase of this cluster was removed or exchanged on"),
            std::string::npos);
}

// Somebody who can write to the storage and open nothing.
TEST_F(KeyChangeTest, ANewRootIsNeverSealedToAKeyThatSomebodyElsePutThere) {
  Result<OpenedKeys> opened = OpenKeys(*memory_, names_, repository_, folder_.With("host.key"));
  format::AccessKeyObject planted = opened->access_keys.readable[0];
  NewAccessKey thief = folder_.Key("thief.key");
  planted.set_access_key_id(ToString(thief.pair->id.view()));
  planted.set_public_key(ToString(thief.pair->public_key.bytes));
  const std::string name = names_.Key(1, thief.pair->id);
  for (const std::string& each : {name, name + std::string(kCopySuffix)}) {
    ASSERT_TRUE(memory_
                    ->PutIfAbsent(each, EncodePlainDocument(ObjectKind::kAccessKey,
                                                            planted.SerializeAsString()))
                    .ok());
  }
  Result<ChangedKeys> refused = Change(*storage_, Rotation());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kDamaged);
  EXPECT_NE(refused.error().hint.find(thief.pair->id.ToHex()), std::string::npos);
  ASSERT_TRUE(Change(*storage_, Removal("thief.key")).ok());
  EXPECT_FALSE(Ring("thief.key").ok());
  EXPECT_TRUE(Ring("recovery.key").ok());
  ExpectNothingLeft(2);
}

TEST_F(KeyChangeTest, AnAccessKeyThatClaimsAnotherGenerationIsPassedOver) {
  Result<OpenedKeys> opened = OpenKeys(*memory_, names_, repository_, folder_.With("host.key"));
  for (format::AccessKeyObject planted : opened->access_keys.readable) {
    for (uint32_t generation : {0u, 7u}) {
      planted.set_generation(generation);
      const std::string name = names_.Key(generation, *AccessKeyId::From(planted.access_key_id()));
      ASSERT_TRUE(memory_
                      ->PutIfAbsent(name, EncodePlainDocument(ObjectKind::kAccessKey,
                                                              planted.SerializeAsString()))
                      .ok());
    }
  }
  ExpectReadsWhatWasWritten(*Ring("host.key"));
  Result<ChangedKeys> changed = Change(*storage_, Rotation());
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(changed->access_keys.size(), 2u);
  ExpectReadsWhatWasWritten(*Ring("recovery.key"));
  ExpectNothingLeft(2);
}

TEST_F(KeyChangeTest, ADamagedKeyStopsARotationUntilItIsRemoved) {
  for (std::string name : {names_.Key(1, folder_.Id("recovery.key"))}) {
    for (const std::string& each : {name, name + std::string(kCopySuffix)}) {
      Bytes bytes = Content(*memory_, each);
      bytes[bytes.size() / 2] ^= 1;
      Replace(*memory_, each, bytes);
    }
  }
  Result<ChangedKeys> refused = Change(*storage_, Rotation());
  EXPECT_EQ(refused.code(), Code::kDamaged);
  ASSERT_TRUE(Change(*storage_, Removal("recovery.key")).ok());
  ExpectReadsWhatWasWritten(*Ring("host.key"));
  ExpectNothingLeft(1);
}

// A run that ends anywhere: each change, before and after each of its requests.
TEST_F(KeyChangeTest, ARunThatEndsAnywhereLeavesTheOldKeysOrTheNewInForce) {
  for (const char* what : {"rotate", "add", "remove"}) {
    for (FaultEffect effect : {FaultEffect::kCrashBefore, FaultEffect::kCrashAfter}) {
      int unchanged = 0;
      int changed = 0;
      for (uint64_t nth = 1;; ++nth) {
        Begin();
        storage_->Add({.nth = nth, .effect = effect});
        const std::string text(what);
        KeyChange change = text == "rotate" ? Rotation()
                           : text == "add"  ? Addition("second.key")
                                            : Removal("recovery.key");
        Result<ChangedKeys> run = Change(*storage_, std::move(change));
        SCOPED_TRACE(fmt::format("{}, request {}", what, nth));
        Result<KeyRing> host = Ring("host.key");
        ASSERT_TRUE(host.ok()) << host.error().message;
        ExpectReadsWhatWasWritten(*host);
        const bool in_force = host->epoch() == 2;
        (in_force ? changed : unchanged) += 1;
        // An access key or epoch with one copy only is known for what it is.
        Result<KeyLeftovers> left = FindKeyLeftovers(*memory_, names_);
        ASSERT_TRUE(left.ok());
        EXPECT_EQ(left->access_keys.empty(), AllWholeAndInForce());
        EXPECT_EQ(left->missing_copy.empty(), Count(names_.Epochs()) % 2 == 0);
        EXPECT_EQ(Ring("recovery.key").ok(), !(in_force && text == "remove"));
        EXPECT_EQ(Ring("second.key").ok(), in_force && text == "add");
        if (in_force && text == "remove") {
          EXPECT_NE(Ring("recovery.key").error().message.find("removed"), std::string::npos);
        }
        // What was written under the interrupted change stays readable after the next one, which
        // leaves nothing of it.
        ASSERT_TRUE(Change(*memory_, Rotation()).ok());
        Result<KeyRing> next = Ring("host.key");
        ASSERT_TRUE(next.ok());
        ExpectReadsWhatWasWritten(*next);
        EXPECT_TRUE(next->Find(host->Current().id).ok());
        EXPECT_TRUE(FindKeyLeftovers(*memory_, names_)->empty());
        ExpectNothingLeft(!in_force || text == "rotate" ? 2 : text == "add" ? 3 : 1);
        EXPECT_EQ(ListRemovedKeys(*memory_, names_)->size(),
                  in_force && text == "remove" ? 1u : 0u);
        if (!storage_->crashed()) {
          EXPECT_TRUE(run.ok());
          break;
        }
      }
      EXPECT_GT(unchanged, 5);
      EXPECT_GT(changed, 5);
    }
  }
}

TEST_F(KeyChangeTest, ACopyThatWasLostIsNotTakenForOneThatWasNotWrittenYet) {
  ASSERT_TRUE(Change(*storage_, Rotation()).ok());
  ASSERT_TRUE(memory_->Delete(names_.Epoch(2) + std::string(kCopySuffix)).ok());
  EXPECT_TRUE(FindKeyLeftovers(*memory_, names_)->empty());
}

// Requests that fail, or whose reply is lost, while the run goes on: what it says is true.
TEST_F(KeyChangeTest, WhatARunSaysAfterARequestThatFailedIsTrue) {
  for (FaultEffect effect : {FaultEffect::kFailBefore, FaultEffect::kFailAfter}) {
    for (uint64_t nth = 1;; ++nth) {
      Begin();
      storage_->Add({.request = Request::kPut, .nth = nth, .effect = effect});
      Result<ChangedKeys> run = Change(*storage_, Rotation());
      SCOPED_TRACE(fmt::format("put {}", nth));
      Result<KeyRing> host = Ring("host.key");
      ASSERT_TRUE(host.ok()) << host.error().message;
      ExpectReadsWhatWasWritten(*host);
      EXPECT_TRUE(Ring("recovery.key").ok());
      const bool changed = host->epoch() == 2;
      if (run.ok()) {
        EXPECT_TRUE(changed);
      } else if (changed) {
        EXPECT_EQ(run.error().message.find("the new keys are in force, but"), 0u)
            << run.error().message;
      }
      ASSERT_TRUE(Change(*memory_, Rotation()).ok());
      ExpectReadsWhatWasWritten(*Ring("recovery.key"));
      ExpectNothingLeft(2);
      if (nth > 6) {
        EXPECT_TRUE(run.ok());  // two access keys and an epoch, each under two names
        break;
      }
    }
  }
}

// A run that is stopped anywhere, while another host changes the keys, once or twice.
TEST_F(KeyChangeTest, ARunThatWasStoppedMeanwhileChangesNothingOrAll) {
  for (int others : {1, 2}) {
    int lost = 0;
    for (uint64_t nth = 1; nth < 40; ++nth) {
      Begin();
      bool stopped = false;
      storage_->Add({.nth = nth, .effect = FaultEffect::kRunHook, .hook = [&] {
                       stopped = true;
                       ASSERT_TRUE(Change(*memory_, Removal("host.key"), "recovery.key").ok());
                       if (others == 2) {
                         ASSERT_TRUE(Change(*memory_, Rotation(), "recovery.key").ok());
                       }
                     }});
      Result<ChangedKeys> run = Change(*storage_, Addition("second.key"));
      SCOPED_TRACE(fmt::format("stopped at request {}", nth));
      if (!stopped) break;
      // The other one's change holds, whoever was first.
      Result<KeyRing> recovery = Ring("recovery.key");
      ASSERT_TRUE(recovery.ok()) << recovery.error().message;
      ExpectReadsWhatWasWritten(*recovery);
      EXPECT_EQ(Ring("host.key").code(), Code::kWrongKey);
      EXPECT_EQ(Ring("second.key").ok(), run.ok());
      if (!run.ok()) ++lost;
      ASSERT_TRUE(Change(*memory_, Rotation(), "recovery.key").ok());
      ExpectNothingLeft(run.ok() ? 2 : 1);
    }
    EXPECT_GT(lost, 10);
  }
}

TEST_F(KeyChangeTest, WhoeverComesSecondSaysSoAndLeavesNothing) {
  storage_->Add({.request = Request::kPut,
                 .name_contains = "epochs/",
                 .effect = FaultEffect::kRunHook,
                 .hook = [&] { ASSERT_TRUE(Change(*memory_, Rotation()).ok()); }});
  Result<ChangedKeys> second = Change(*storage_, Addition("second.key"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
  EXPECT_NE(second.error().message.find("another run"), std::string::npos);
  ExpectNothingLeft(2);
  EXPECT_EQ(Ring("host.key")->epoch(), 2u);
}

TEST_F(KeyChangeTest, WhoeverLosesAgainstAnotherRunIsToldThatAndNothingElse) {
  for (int others : {1, 2}) {
    bool stopped = true;
    for (uint64_t nth = 1; stopped; ++nth) {
      Begin();
      stopped = false;
      storage_->Add({.nth = nth, .effect = FaultEffect::kRunHook, .hook = [&] {
                       stopped = true;
                       for (int i = 0; i < others; ++i) {
                         ASSERT_TRUE(Change(*memory_, Rotation()).ok());
                       }
                     }});
      Result<ChangedKeys> run = Change(*storage_, Rotation());
      EXPECT_TRUE(run.ok() || run.code() == Code::kAlreadyExists)
          << "stopped at request " << nth << ": " << run.error().message;
    }
  }
}

// Whoever opens the cluster while its keys are changed gets the old ones or the new ones.
TEST_F(KeyChangeTest, OpeningGoesOnWhileTheKeysAreChanged) {
  for (uint64_t nth = 1; nth < 30; ++nth) {
    Begin();
    storage_->Add({.nth = nth, .effect = FaultEffect::kRunHook, .hook = [&] {
                     ASSERT_TRUE(Change(*memory_, Rotation()).ok());
                   }});
    Result<KeyRing> ring =
        OpenKeyRing(*storage_, names_, repository_, folder_.With("recovery.key"));
    ASSERT_TRUE(ring.ok()) << "request " << nth << ": " << ring.error().message;
    ExpectReadsWhatWasWritten(*ring);
  }
}

TEST_F(KeyChangeTest, ALongRunReadsWhatOthersWriteWithLaterKeys) {
  Result<std::unique_ptr<ClusterAccess>> run =
      OpenCluster(*memory_, "main", folder_.With("recovery.key"));
  ASSERT_TRUE(run.ok()) << run.error().message;
  const KeyId own = (*run)->keys.Current().id;
  ASSERT_TRUE(Change(*memory_, Rotation()).ok());
  ASSERT_TRUE(Change(*memory_, Rotation()).ok());
  const KeyRing later = *Ring("host.key");
  EXPECT_EQ((*run)->keys.Current().id, own) << "what it writes with stays the same";
  EXPECT_TRUE(later.Find(own).ok()) << "and stays readable for the others";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        Result<ByteView> key = (*run)->keys.Find(later.Current().id);
        ASSERT_TRUE(key.ok()) << key.error().message;
        EXPECT_EQ(ToHex(*key), ToHex(later.Current().key));
        EXPECT_EQ((*run)->keys.Find(KeyId{{9}}).code(), Code::kWrongKey);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(KeyChangeTest, ALongRunWhoseKeyIsRemovedIsToldSo) {
  Result<std::unique_ptr<ClusterAccess>> run =
      OpenCluster(*memory_, "main", folder_.With("recovery.key"));
  ASSERT_TRUE(run.ok());
  ASSERT_TRUE(Change(*memory_, Removal("recovery.key")).ok());
  Result<ByteView> refused = (*run)->keys.Find(Ring("host.key")->Current().id);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kWrongKey);
  EXPECT_NE(refused.error().message.find("this access key was removed"), std::string::npos);
  // It goes on with what it has.
  EXPECT_TRUE((*run)->keys.Find(first_->Current().id).ok());
}

}  // namespace
}  // namespace pgcairn::repository
