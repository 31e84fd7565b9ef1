#include "repository/map/chunk_identity.h"

#include <gtest/gtest.h>

namespace pgcairn::repository {
namespace {

TEST(ChunkIdentity, DependsOnKeyAndBytes) {
  ChunkIdentity identity(AsBytes("key"));
  const ChunkId id = identity.Of(AsBytes("The quick brown fox jumps over the lazy dog"));
  // From Python's cryptography package, after docs/format.md.
  EXPECT_EQ(ToHex(id.bytes), "21339c28b3c4619cde40cbf66dbbb002");
  EXPECT_EQ(identity.Of(AsBytes("The quick brown fox jumps over the lazy dog")), id);
  EXPECT_NE(identity.Of(AsBytes("The quick brown fox jumps over the lazy dog.")), id);
  EXPECT_NE(
      ChunkIdentity(AsBytes("kez")).Of(AsBytes("The quick brown fox jumps over the lazy dog")), id);
}

}  // namespace
}  // namespace pgcairn::repository
