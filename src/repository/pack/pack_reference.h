// Where a pack and a blob in it are, and how to open them (docs/format.md, section 6).
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/sha256.h"
#include "format/manifest.pb.h"
#include "repository/identifiers.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint32_t kPackBytesMax = 64 * 1024 * 1024;
inline constexpr uint32_t kPackBlobsMax = 65'536;
inline constexpr uint32_t kDataBlobRawBytesMax = 1024 * 1024;
inline constexpr uint32_t kMetadataBlobRawBytesMax = 16 * 1024 * 1024;

struct PackReference {
  crypto::Sha256Digest sha256;
  uint64_t length = 0;  // bytes
  KeyId key_id;
  Salt salt;

  friend bool operator==(const PackReference& a, const PackReference& b) {
    return a.sha256 == b.sha256 && a.length == b.length && a.key_id == b.key_id && a.salt == b.salt;
  }
};

// A pack as the reference list names it.
struct StoredPack {
  crypto::Sha256Digest sha256;
  uint64_t length = 0;  // bytes
};

struct BlobLocation {
  uint32_t offset = 0;
  uint32_t stored_length = 0;
  uint32_t raw_length = 0;
  uint32_t ordinal = 0;
  uint16_t codec = 0;

  friend bool operator==(const BlobLocation&, const BlobLocation&) = default;
};

// A location with the index of its pack in a table of PackReferences.
struct TableBlob {
  uint32_t pack = 0;
  BlobLocation location;
  uint16_t units = 0;  // map leaves only
};

inline constexpr size_t kPackReferenceBytes = 80;
inline constexpr size_t kTableBlobBytes = 24;

void AppendPackReference(Bytes& out, const PackReference& reference);
void AppendTableBlob(Bytes& out, const TableBlob& blob);
// The caller checks the reader's ok() afterwards.
PackReference ReadPackReference(ByteReader& in);
TableBlob ReadTableBlob(ByteReader& in);
// kDamaged when the pack's length or the blob's place in it is impossible.
Status CheckLocation(const PackReference& pack, const BlobLocation& location,
                     uint32_t raw_length_max);

void ToMessage(const PackReference& pack, format::PackReference* message);
Result<PackReference> FromMessage(const format::PackReference& message);
void ToMessage(const PackReference& pack, const BlobLocation& location,
               format::BlobReference* message);
struct BlobReference {
  PackReference pack;
  BlobLocation location;
};
Result<BlobReference> FromMessage(const format::BlobReference& message);

}  // namespace pgcairn::repository
