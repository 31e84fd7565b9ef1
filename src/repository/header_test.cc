#include "repository/header.h"

#include <gtest/gtest.h>

#include <vector>

namespace pgcairn::repository {
namespace {

constexpr size_t kVersionAt = 8;
constexpr size_t kFeaturesAt = 12;
constexpr size_t kContentIdentityAt = 16;
constexpr size_t kKeyIdAt = 48;
constexpr size_t kEnvelopeTypeAt = 56;
constexpr size_t kEnvelopeLengthAt = 58;
constexpr size_t kEnvelopeAt = 60;

constexpr ObjectKind kKinds[] = {
    ObjectKind::kRepository, ObjectKind::kFormat,       ObjectKind::kAccessKey,
    ObjectKind::kEpoch,      ObjectKind::kHistory,      ObjectKind::kLease,
    ObjectKind::kDataPack,   ObjectKind::kMetadataPack, ObjectKind::kManifest,
    ObjectKind::kWal,        ObjectKind::kDamagedPack};

ObjectHeader Sealed(ObjectKind kind) {
  ObjectHeader header;
  header.kind = kind;
  header.sealed = true;
  header.key_id.bytes.fill(1);
  header.salt.bytes.fill(2);
  header.key_check.bytes.fill(3);
  if (kind == ObjectKind::kWal) header.content_identity.bytes.fill(4);
  return header;
}

ObjectHeader Plain(ObjectKind kind) {
  ObjectHeader header;
  header.kind = kind;
  return header;
}

void ExpectSame(const ObjectHeader& a, const ObjectHeader& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.sealed, b.sealed);
  EXPECT_EQ(a.content_identity, b.content_identity);
  EXPECT_EQ(a.key_id, b.key_id);
  EXPECT_EQ(a.salt, b.salt);
  EXPECT_EQ(a.key_check, b.key_check);
}

TEST(ObjectHeader, ComesBackAsItWasWritten) {
  for (ObjectKind kind : kKinds) {
    for (const ObjectHeader& header : {Sealed(kind), Plain(kind)}) {
      Bytes encoded = EncodeHeader(header);
      EXPECT_EQ(encoded.size(), header.size_bytes());
      Append(encoded, AsBytes("what follows"));
      Result<ObjectHeader> decoded = DecodeHeader(encoded, kind);
      ASSERT_TRUE(decoded.ok()) << decoded.error().message;
      ExpectSame(*decoded, header);
    }
  }
}

TEST(ObjectHeader, LiesAtTheOffsetsOfTheSpecification) {
  Bytes bytes = EncodeHeader(Sealed(ObjectKind::kWal));
  ASSERT_EQ(bytes.size(), 108u);
  EXPECT_EQ(AsText(ByteView(bytes).first(8)), "PGCAIRNW");
  EXPECT_EQ(LoadLe<uint16_t>(&bytes[kVersionAt]), 1);
  EXPECT_EQ(LoadLe<uint16_t>(&bytes[10]), 108);
  EXPECT_EQ(LoadLe<uint32_t>(&bytes[kFeaturesAt]), 0u);
  EXPECT_EQ(bytes[kContentIdentityAt], 4);
  EXPECT_EQ(bytes[kKeyIdAt], 1);
  EXPECT_EQ(bytes[kEnvelopeTypeAt], 1);
  EXPECT_EQ(LoadLe<uint16_t>(&bytes[kEnvelopeLengthAt]), 32);
  EXPECT_EQ(bytes[kEnvelopeAt], 2);
  EXPECT_EQ(bytes[92], 3);
}

TEST(ObjectHeader, AKindIsNotTakenForAnother) {
  for (ObjectKind written : kKinds) {
    for (ObjectKind expected : kKinds) {
      Result<ObjectHeader> decoded = DecodeHeader(EncodeHeader(Sealed(written)), expected);
      EXPECT_EQ(decoded.ok(), written == expected);
      if (!decoded.ok()) {
        EXPECT_EQ(decoded.code(), Code::kDamaged);
      }
    }
  }
}

TEST(ObjectHeader, EveryChangedBitIsAnErrorOrInAFieldThatOnlyNamesAKey) {
  for (ObjectKind kind : {ObjectKind::kWal, ObjectKind::kManifest}) {
    for (const ObjectHeader& header : {Sealed(kind), Plain(kind)}) {
      const Bytes whole = EncodeHeader(header);
      for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Bytes changed = whole;
        changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        size_t at = bit / 8;
        bool names_key = header.sealed && ((at >= kKeyIdAt && at < kEnvelopeTypeAt) ||
                                           (at >= kEnvelopeAt && at < whole.size()));
        bool identity = kind == ObjectKind::kWal && at >= kContentIdentityAt && at < kKeyIdAt;
        Result<ObjectHeader> decoded = DecodeHeader(changed, kind);
        EXPECT_EQ(decoded.ok(), names_key || identity) << "byte " << at;
        if (decoded.ok()) {
          EXPECT_EQ(EncodeHeader(*decoded), changed);
        } else {
          EXPECT_TRUE(decoded.code() == Code::kDamaged || decoded.code() == Code::kUnsupported);
        }
      }
    }
  }
}

TEST(ObjectHeader, IsDamagedWhenCutAnywhere) {
  for (const ObjectHeader& header : {Sealed(ObjectKind::kWal), Plain(ObjectKind::kFormat)}) {
    Bytes whole = EncodeHeader(header);
    for (size_t size = 0; size < whole.size(); ++size) {
      Result<ObjectHeader> decoded = DecodeHeader(ByteView(whole).first(size), header.kind);
      ASSERT_FALSE(decoded.ok()) << size;
      EXPECT_EQ(decoded.code(), Code::kDamaged) << size;
    }
  }
}

Code CodeAfter(size_t at, uint8_t value) {
  Bytes bytes = EncodeHeader(Sealed(ObjectKind::kManifest));
  bytes[at] = value;
  Result<ObjectHeader> decoded = DecodeHeader(bytes, ObjectKind::kManifest);
  return decoded.ok() ? Code::kFailed : decoded.code();
}

TEST(ObjectHeader, WhatANewerProgramWroteIsUnsupportedNotDamaged) {
  EXPECT_EQ(CodeAfter(kVersionAt, 2), Code::kUnsupported);
  EXPECT_EQ(CodeAfter(kFeaturesAt, 1), Code::kUnsupported);
  EXPECT_EQ(CodeAfter(kFeaturesAt + 3, 0x80), Code::kUnsupported);
  EXPECT_EQ(CodeAfter(kEnvelopeTypeAt, 2), Code::kUnsupported);
}

}  // namespace
}  // namespace pgcairn::repository
