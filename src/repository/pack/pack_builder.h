// Makes one pack in memory: compress, seal, append (docs/format.md, section 6).
#pragma once

#include <cstdint>

#include "repository/header.h"
#include "repository/identifiers.h"
#include "repository/pack/pack_reference.h"
#include "repository/seal/codec.h"
#include "repository/seal/document.h"
#include "repository/seal/object_key.h"
#include "util/bytes.h"
#include "util/large_buffer.h"
#include "util/result.h"

namespace pgcairn::repository {

// Writers close a pack when it has reached this size.
inline constexpr size_t kPackBytesTarget = size_t{16} * 1024 * 1024;

// A whole pack, not stored yet.
struct FinishedPack {
  PackReference reference;
  LargeBuffer buffer;
  ByteView view() const { return buffer.view().first(static_cast<size_t>(reference.length)); }
};

// Not for two threads at once. `encoder` outlives the builder.
class PackBuilder {
 public:
  static Result<PackBuilder> Begin(ObjectKind kind, const SealingKey& key, Place place,
                                   Encoder* encoder);

  // Whether another blob of `raw_bytes` fits; at least one of kMetadataBlobRawBytesMax always does.
  bool HasRoom(size_t raw_bytes) const;
  Result<BlobLocation> Add(ByteView raw);
  size_t size_bytes() const { return used_; }
  uint32_t blob_count() const { return blobs_; }

  // The builder is used up.
  FinishedPack Finish();

 private:
  PackBuilder(ObjectHeader header, ObjectKey key, Encoder* encoder);
  void Grow(size_t capacity);

  ObjectHeader header_;
  ObjectKey key_;
  Encoder* encoder_;
  // Of its own, not from the heap: packs come and go in other orders than they were begun, and what
  // lies between them would keep their memory.
  LargeBuffer buffer_;
  size_t used_ = 0;
  uint32_t blobs_ = 0;
};

}  // namespace pgcairn::repository
