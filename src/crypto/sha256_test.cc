#include "crypto/sha256.h"

#include <gtest/gtest.h>

namespace pgcairn::crypto {
namespace {

struct HashVector {
  std::string message;
  std::string digest;
};

// NIST's examples for FIPS 180-4.
TEST(Sha256, MatchesPublishedVectors) {
  const HashVector vectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const HashVector& vector : vectors) {
    EXPECT_EQ(Sha256(AsBytes(vector.message)).ToHex(), vector.digest);
  }
}

TEST(Sha256, StreamGivesTheSameHoweverItIsCut) {
  const std::string message(1000, 'x');
  const Sha256Digest whole = Sha256(AsBytes(message));
  for (size_t cut : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{1000}}) {
    Sha256Stream stream;
    stream.Update(AsBytes(message).first(cut));
    stream.Update({});
    stream.Update(AsBytes(message).subspan(cut));
    EXPECT_EQ(stream.Finish(), whole) << "cut at " << cut;
  }
}

TEST(Sha256, FinishLeavesTheStreamUsable) {
  Sha256Stream stream;
  stream.Update(AsBytes("a"));
  EXPECT_EQ(stream.Finish(), Sha256(AsBytes("a")));
  Sha256Stream copy = stream;
  stream.Update(AsBytes("bc"));
  copy.Update(AsBytes("x"));
  EXPECT_EQ(stream.Finish(), Sha256(AsBytes("abc")));
  EXPECT_EQ(copy.Finish(), Sha256(AsBytes("ax")));
  stream.WipeState();
  EXPECT_EQ(stream.Finish(), Sha256({}));
}

TEST(Sha256, DigestsOrderByBytes) {
  Sha256Digest low, high;
  low.bytes[31] = 0xff;
  high.bytes[0] = 1;
  EXPECT_LT(low, high);
  EXPECT_EQ(low, low);
}

struct HmacVector {
  Bytes key;
  std::string message;
  std::string mac;
};

// RFC 4231, cases 1 to 4, 6 and 7 (keys shorter and longer than a block).
TEST(HmacSha256, MatchesPublishedVectors) {
  Bytes counting;
  for (uint8_t i = 1; i <= 25; ++i) counting.push_back(i);
  const HmacVector vectors[] = {
      {Bytes(20, 0x0b), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {ToBytes(AsBytes("Jefe")), "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Bytes(20, 0xaa), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting, std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {Bytes(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Bytes(131, 0xaa),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}};
  for (const HmacVector& vector : vectors) {
    EXPECT_EQ(HmacSha256(vector.key, {AsBytes(vector.message)}).ToHex(), vector.mac);
  }
}

TEST(HmacSha256, PartsCountAsOneMessage) {
  const Bytes key(64, 7);
  const Sha256Digest whole = HmacSha256(key, {AsBytes("name and bytes")});
  EXPECT_EQ(HmacSha256(key, {AsBytes("name "), ByteView(), AsBytes("and bytes")}), whole);
  HmacSha256Stream stream(key);
  stream.Update(AsBytes("name and"));
  HmacSha256Stream copy = stream;
  copy.Update(AsBytes(" more"));
  stream.Update(AsBytes(" bytes"));
  EXPECT_EQ(stream.Finish(), whole);
  EXPECT_EQ(stream.Finish(), whole) << "Finish changes nothing";
  EXPECT_EQ(copy.Finish(), HmacSha256(key, {AsBytes("name and more")}));
}

TEST(HmacSha256, DependsOnTheKey) {
  EXPECT_NE(HmacSha256(Bytes(32, 1), {AsBytes("m")}), HmacSha256(Bytes(32, 2), {AsBytes("m")}));
  EXPECT_NE(HmacSha256({}, {AsBytes("m")}), Sha256(AsBytes("m")));
}

TEST(ConstantTimeEqual, SeesEveryBitAndTheLength) {
  const Bytes bytes(33, 0x5a);
  EXPECT_TRUE(ConstantTimeEqual(bytes, Bytes(33, 0x5a)));
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_FALSE(ConstantTimeEqual(bytes, ByteView(bytes).first(32)));
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes other = bytes;
      other[at] = static_cast<uint8_t>(other[at] ^ (1 << bit));
      EXPECT_FALSE(ConstantTimeEqual(bytes, other));
    }
  }
}

}  // namespace
}  // namespace pgcairn::crypto
