#include "repository/seal/stored_shape.h"

#include <gtest/gtest.h>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"
#include "repository/wal_store/wal_store.h"

namespace pgcairn::repository {
namespace {

TEST(StoredShape, EveryChangeOfAPlainDocumentIsSeen) {
  for (ObjectKind kind : {ObjectKind::kFormat, ObjectKind::kDamagedPack}) {
    Bytes object = EncodePlainDocument(kind, "message");
    EXPECT_TRUE(CheckStoredShape(kind, object).ok());
    for (size_t at = 0; at < object.size(); ++at) {
      Bytes changed = object;
      changed[at] ^= 1;
      EXPECT_FALSE(CheckStoredShape(kind, changed).ok()) << at;
    }
  }
}

TEST(StoredShape, TheLengthOfASealedDocumentIsItsFrames) {
  MemoryCluster cluster = MakeMemoryCluster();
  Result<Bytes> object = SealDocument(ObjectKind::kManifest, cluster.access->keys.Current(),
                                      cluster.access->place, "message");
  ASSERT_TRUE(object.ok());
  EXPECT_TRUE(CheckStoredShape(ObjectKind::kManifest, *object).ok());
  EXPECT_FALSE(CheckStoredShape(ObjectKind::kLease, *object).ok());
  for (size_t size = 0; size < object->size(); ++size) {
    EXPECT_FALSE(CheckStoredShape(ObjectKind::kManifest, ByteView(*object).first(size)).ok());
  }
  object->push_back(0);
  EXPECT_FALSE(CheckStoredShape(ObjectKind::kManifest, *object).ok());
}

TEST(StoredShape, AWalObjectHasItsSealedPartAtLeast) {
  MemoryCluster cluster = MakeMemoryCluster();
  WalStore wal(*cluster.access, 7);
  ASSERT_TRUE(wal.Push(
                     "00000002.history", {AsBytes("text"), 4}, [] { return format::WalInfo(); }, 1)
                  .ok());
  Bytes object = Content(*cluster.storage, cluster.access->names.WalFile(7, "00000002.history"));
  EXPECT_TRUE(CheckStoredShape(ObjectKind::kWal, object).ok());
  for (size_t size : {0, 1, 107, 119, 121}) {
    EXPECT_FALSE(CheckStoredShape(ObjectKind::kWal, ByteView(object).first(size)).ok()) << size;
  }
}

}  // namespace
}  // namespace pgcairn::repository
