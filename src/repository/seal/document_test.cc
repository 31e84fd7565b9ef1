#include "repository/seal/document.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

struct Sealer {
  Bytes key = RandomContent(32, 1);
  KeyId id{{1, 2, 3, 4, 5, 6, 7, 8}};
  Place place{{{1}}, {{2}}};

  SealingKey Sealing() const { return {id, key}; }
  KeyLookup Lookup() const {
    return [this](const KeyId& wanted) -> Result<ByteView> {
      if (wanted != id) return Error{Code::kWrongKey, "no such key", ""};
      return ByteView(key);
    };
  }
  Bytes Seal(const std::string& message) const {
    Result<Bytes> sealed = SealDocument(ObjectKind::kLease, Sealing(), place, message);
    CHECK(sealed.ok());
    return std::move(sealed).value();
  }
  Result<std::string> Open(ByteView object, ObjectKind kind = ObjectKind::kLease) const {
    return OpenDocument(kind, object, place, Lookup());
  }
};

const std::string kMessage = "a message, a message, a message, a message";

bool IsRefusal(Code code) {
  return code == Code::kDamaged || code == Code::kUnsupported || code == Code::kWrongKey;
}

TEST(PlainDocument, ComesBackAsItWasWritten) {
  for (const std::string& message : {std::string(), kMessage, std::string(65'536, 'x')}) {
    Bytes object = EncodePlainDocument(ObjectKind::kFormat, message);
    Result<std::string> decoded = DecodePlainDocument(ObjectKind::kFormat, object);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    EXPECT_EQ(*decoded, message);
    EXPECT_LE(object.size(), kPlainDocumentBytesMax);
  }
}

TEST(PlainDocument, EveryChangedByteIsFound) {
  const Bytes whole = EncodePlainDocument(ObjectKind::kFormat, kMessage);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (uint8_t mask : Bytes{0x01, 0x80, 0xff}) {
      Bytes changed = whole;
      changed[at] ^= mask;
      Result<std::string> decoded = DecodePlainDocument(ObjectKind::kFormat, changed);
      ASSERT_FALSE(decoded.ok()) << "byte " << at;
      EXPECT_TRUE(decoded.code() == Code::kDamaged || decoded.code() == Code::kUnsupported);
    }
  }
}

TEST(PlainDocument, EveryOtherLengthIsDamaged) {
  Bytes whole = EncodePlainDocument(ObjectKind::kFormat, kMessage);
  for (size_t size = 0; size < whole.size(); ++size) {
    Result<std::string> decoded =
        DecodePlainDocument(ObjectKind::kFormat, ByteView(whole).first(size));
    ASSERT_FALSE(decoded.ok()) << size;
    EXPECT_EQ(decoded.code(), Code::kDamaged);
  }
  whole.push_back(0);
  EXPECT_EQ(DecodePlainDocument(ObjectKind::kFormat, whole).code(), Code::kDamaged);
}

TEST(PlainDocument, IsNotTakenForASealedOneNorForAnotherKind) {
  Sealer sealer;
  EXPECT_EQ(DecodePlainDocument(ObjectKind::kLease, sealer.Seal(kMessage)).code(), Code::kDamaged);
  Bytes plain = EncodePlainDocument(ObjectKind::kLease, kMessage);
  EXPECT_EQ(sealer.Open(plain).code(), Code::kDamaged);
  EXPECT_EQ(DecodePlainDocument(ObjectKind::kFormat, plain).code(), Code::kDamaged);
}

TEST(SealedDocument, ComesBackAsItWasWrittenAndShowsNothing) {
  Sealer sealer;
  for (const std::string& message :
       {std::string(), kMessage, ToString(RandomContent(10'000, 2)), std::string(1 << 20, 'x')}) {
    Bytes object = sealer.Seal(message);
    Result<std::string> opened = sealer.Open(object);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(*opened, message);
  }
  std::string random = ToString(RandomContent(64, 3));
  EXPECT_EQ(AsText(sealer.Seal(random)).find(random.substr(0, 16)), std::string_view::npos);
  EXPECT_NE(sealer.Seal(kMessage), sealer.Seal(kMessage)) << "the salt is new for each object";
}

TEST(SealedDocument, EveryChangedByteIsFound) {
  Sealer sealer;
  const Bytes whole = sealer.Seal(kMessage);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (uint8_t mask : Bytes{0x01, 0x80, 0xff}) {
      Bytes changed = whole;
      changed[at] ^= mask;
      Result<std::string> opened = sealer.Open(changed);
      ASSERT_FALSE(opened.ok()) << "byte " << at;
      EXPECT_TRUE(IsRefusal(opened.code())) << "byte " << at;
    }
  }
}

TEST(SealedDocument, EveryOtherLengthIsDamaged) {
  Sealer sealer;
  Bytes whole = sealer.Seal(kMessage);
  for (size_t size = 0; size < whole.size(); ++size) {
    Result<std::string> opened = sealer.Open(ByteView(whole).first(size));
    ASSERT_FALSE(opened.ok()) << size;
    EXPECT_EQ(opened.code(), Code::kDamaged) << size;
  }
  whole.push_back(0);
  EXPECT_EQ(sealer.Open(whole).code(), Code::kDamaged);
}

TEST(SealedDocument, AnotherKeyIsNotTakenForDamage) {
  Sealer sealer;
  Bytes object = sealer.Seal(kMessage);
  Sealer same_id;
  same_id.key = RandomContent(32, 9);
  EXPECT_EQ(same_id.Open(object).code(), Code::kWrongKey);
  Sealer other_id;
  other_id.id.bytes[0] = 99;
  EXPECT_EQ(other_id.Open(object).code(), Code::kWrongKey);
}

TEST(SealedDocument, BelongsToItsRepositoryClusterAndKind) {
  Sealer sealer;
  Bytes object = sealer.Seal(kMessage);
  Sealer elsewhere;
  elsewhere.place.repository.bytes[15] = 1;
  EXPECT_EQ(elsewhere.Open(object).code(), Code::kDamaged);
  elsewhere = Sealer();
  elsewhere.place.cluster.bytes[15] = 1;
  EXPECT_EQ(elsewhere.Open(object).code(), Code::kDamaged);
  EXPECT_EQ(sealer.Open(object, ObjectKind::kManifest).code(), Code::kDamaged);
  // With the kind letter changed too, the key derived for the other kind does not fit.
  object[7] = static_cast<uint8_t>(ObjectKind::kManifest);
  EXPECT_EQ(sealer.Open(object, ObjectKind::kManifest).code(), Code::kWrongKey);
}

TEST(DocumentFrame, ImpossibleLengthsAreDamaged) {
  auto decode = [](uint16_t codec, uint32_t raw, uint32_t stored) {
    Bytes bytes;
    AppendFrame(bytes, {codec, raw, stored});
    return DecodeFrame(bytes, 1000);
  };
  ASSERT_TRUE(decode(1, 1000, 16).ok());
  EXPECT_EQ(decode(1, 1000, 500)->stored_length, 500u);
  EXPECT_EQ(decode(1, 1001, 500).code(), Code::kDamaged);
  EXPECT_EQ(decode(1, 1000, 15).code(), Code::kDamaged);
  EXPECT_EQ(decode(1, 10, 1'000'000).code(), Code::kDamaged);
  Bytes reserved;
  AppendFrame(reserved, {0, 10, 26});
  reserved[2] = 1;
  EXPECT_EQ(DecodeFrame(reserved, 1000).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
