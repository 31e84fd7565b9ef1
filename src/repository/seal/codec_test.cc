#include "repository/seal/codec.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

struct EncodedBytes {
  uint16_t codec = 0;
  Bytes bytes;
};

EncodedBytes EncodeAll(ByteView raw, int level = 3) {
  Encoder encoder(level);
  EncodedBytes result;
  result.bytes.resize(Encoder::EncodedSizeMax(raw.size()));
  Result<Encoder::Encoded> done = encoder.Encode(raw, result.bytes);
  CHECK(done.ok());
  result.codec = done->codec;
  result.bytes.resize(done->size);
  return result;
}

TEST(Codec, BytesComeBackAtEveryLevel) {
  Bytes text;
  for (int i = 0; i < 5000; ++i) Append(text, AsBytes("row " + std::to_string(i)));
  Decoder decoder;
  for (int level : {1, 3, 6, 19}) {
    EncodedBytes encoded = EncodeAll(text, level);
    EXPECT_EQ(encoded.codec, kCodecZstd);
    EXPECT_LT(encoded.bytes.size(), text.size() / 2);
    Bytes raw(text.size());
    ASSERT_TRUE(decoder.Decode(encoded.codec, encoded.bytes, raw).ok());
    EXPECT_EQ(raw, text);
  }
}

TEST(Codec, RowsHaveTablesOfTheirOwn) {
  const Bytes random = RandomContent(64, 1);
  Bytes text;
  for (uint32_t i = 0, at = 1; i < 60'000; ++i, at = at * 48'271 % 2'147'483'647) {
    Append(text, AsBytes(ToHex(ByteView(random).subspan(at % 60, 4))));
  }
  Encoder encoder(3, Encoder::Content::kRows);
  Bytes encoded(Encoder::EncodedSizeMax(text.size()));
  Result<Encoder::Encoded> done = encoder.Encode(text, encoded);
  ASSERT_TRUE(done.ok());
  encoded.resize(done->size);
  EXPECT_NE(encoded, EncodeAll(text).bytes);
  Bytes raw(text.size());
  ASSERT_TRUE(Decoder().Decode(done->codec, encoded, raw).ok());
  EXPECT_EQ(raw, text);
}

TEST(Codec, WhatDoesNotCompressIsStoredAsItIs) {
  for (size_t size : {0u, 1u, 100u, 262'144u}) {
    Bytes random = RandomContent(size, size);
    EncodedBytes encoded = EncodeAll(random);
    EXPECT_EQ(encoded.codec, kCodecStored);
    EXPECT_EQ(encoded.bytes, random);
    Decoder decoder;
    Bytes raw(size);
    ASSERT_TRUE(decoder.Decode(encoded.codec, encoded.bytes, raw).ok());
    EXPECT_EQ(raw, random);
  }
}

TEST(Codec, AnotherLengthIsDamaged) {
  Bytes text(10'000, 'x');
  EncodedBytes encoded = EncodeAll(text);
  Decoder decoder;
  for (size_t size : {0u, 1u, 9'999u, 10'001u, 20'000u}) {
    Bytes raw(size);
    EXPECT_EQ(decoder.Decode(kCodecZstd, encoded.bytes, raw).code(), Code::kDamaged) << size;
    EXPECT_EQ(decoder.Decode(kCodecStored, text, raw).code(), Code::kDamaged) << size;
  }
  Bytes raw(text.size());
  EXPECT_EQ(decoder.Decode(kCodecZstd, text, raw).code(), Code::kDamaged);
  for (size_t size = 0; size < encoded.bytes.size(); ++size) {
    EXPECT_EQ(decoder.Decode(kCodecZstd, ByteView(encoded.bytes).first(size), raw).code(),
              Code::kDamaged);
  }
  // The context is not spoilt by what failed.
  EXPECT_TRUE(decoder.Decode(kCodecZstd, encoded.bytes, raw).ok());
  EXPECT_EQ(raw, text);
}

TEST(Codec, AnUnknownCodecIsUnsupported) {
  Decoder decoder;
  Bytes bytes(10);
  for (uint16_t codec : std::vector<uint16_t>{2, 256, 257, 65'535}) {
    EXPECT_EQ(decoder.Decode(codec, bytes, bytes).code(), Code::kUnsupported) << codec;
  }
}

}  // namespace
}  // namespace pgcairn::repository
