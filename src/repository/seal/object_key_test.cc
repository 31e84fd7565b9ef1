#include "repository/seal/object_key.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

const Place kPlace{{{1}}, {{2}}};
const Salt kSalt{{3}};
constexpr BlobFrame kFrame{7, 1, 5000};

ObjectKey Derived(ByteView key, const Salt& salt, ObjectKind kind, Place place) {
  Result<ObjectKey> derived = ObjectKey::Derive(key, salt, kind, place);
  CHECK(derived.ok());
  return std::move(derived).value();
}

class ObjectKeyTest : public ::testing::Test {
 protected:
  ObjectKeyTest() { CHECK(key_.Seal(kFrame, encoded_, stored_).ok()); }

  Status OpenWith(ObjectKey key, BlobFrame frame) {
    Bytes out(encoded_.size());
    Status status = key.Open(frame, stored_, out);
    if (status.ok()) {
      EXPECT_EQ(out, encoded_);
    }
    return status;
  }

  const Bytes secret_ = RandomContent(32, 1);
  ObjectKey key_ = Derived(secret_, kSalt, ObjectKind::kDataPack, kPlace);
  const Bytes encoded_ = RandomContent(1000, 2);
  Bytes stored_ = Bytes(encoded_.size() + kSealBytes);
};

TEST_F(ObjectKeyTest, ABlobOpensOnlyAsWhatItWasSealed) {
  auto fresh = [&] { return Derived(secret_, kSalt, ObjectKind::kDataPack, kPlace); };
  EXPECT_TRUE(OpenWith(fresh(), kFrame).ok());
  EXPECT_EQ(OpenWith(fresh(), {8, 1, 5000}).code(), Code::kDamaged) << "ordinal";
  EXPECT_EQ(OpenWith(fresh(), {7, 0, 5000}).code(), Code::kDamaged) << "codec";
  EXPECT_EQ(OpenWith(fresh(), {7, 1, 5001}).code(), Code::kDamaged) << "raw length";
}

TEST_F(ObjectKeyTest, ABlobOpensOnlyInItsPlace) {
  Place repository = kPlace;
  repository.repository.bytes[15] = 1;
  Place cluster = kPlace;
  cluster.cluster.bytes[0] = 9;
  Salt salt = kSalt;
  salt.bytes[31] = 1;
  Bytes other = RandomContent(32, 3);
  auto code = [&](ByteView key, const Salt& with, ObjectKind kind, Place place) {
    Status status = OpenWith(Derived(key, with, kind, place), kFrame);
    return status.ok() ? Code::kFailed : status.code();
  };
  EXPECT_EQ(code(secret_, kSalt, ObjectKind::kDataPack, repository), Code::kDamaged);
  EXPECT_EQ(code(secret_, kSalt, ObjectKind::kDataPack, cluster), Code::kDamaged);
  EXPECT_EQ(code(secret_, salt, ObjectKind::kDataPack, kPlace), Code::kDamaged);
  EXPECT_EQ(code(secret_, kSalt, ObjectKind::kMetadataPack, kPlace), Code::kDamaged);
  EXPECT_EQ(code(other, kSalt, ObjectKind::kDataPack, kPlace), Code::kDamaged);
}

TEST_F(ObjectKeyTest, EveryChangedByteOfABlobIsFound) {
  for (size_t at = 0; at < stored_.size(); ++at) {
    stored_[at] ^= 0x40;
    EXPECT_EQ(OpenWith(Derived(secret_, kSalt, ObjectKind::kDataPack, kPlace), kFrame).code(),
              Code::kDamaged)
        << at;
    stored_[at] ^= 0x40;
  }
}

TEST_F(ObjectKeyTest, TheKeyCheckTellsKeysSaltsAndKindsApartButNotPlaces) {
  const KeyCheck& check = key_.key_check();
  EXPECT_EQ(check, Derived(secret_, kSalt, ObjectKind::kDataPack, {}).key_check());
  EXPECT_NE(check, Derived(secret_, {}, ObjectKind::kDataPack, kPlace).key_check());
  EXPECT_NE(check, Derived(secret_, kSalt, ObjectKind::kWal, kPlace).key_check());
  EXPECT_NE(check, Derived(RandomContent(32, 3), kSalt, ObjectKind::kDataPack, kPlace).key_check());
}

TEST_F(ObjectKeyTest, SealsInPlace) {
  Bytes buffer = encoded_;
  buffer.resize(stored_.size());
  ASSERT_TRUE(key_.Seal(kFrame, ByteView(buffer).first(encoded_.size()), buffer).ok());
  EXPECT_EQ(buffer, stored_);
}

TEST(NewSalt, IsNewEachTime) { EXPECT_NE(*NewSalt(), *NewSalt()); }

}  // namespace
}  // namespace pgcairn::repository
