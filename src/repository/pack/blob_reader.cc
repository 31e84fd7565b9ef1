#include "repository/pack/blob_reader.h"

#include <utility>

#include "repository/seal/object_key.h"

namespace pgcairn::repository {
namespace {

// A request to an object store costs about as much as this many bytes of transfer.
constexpr uint64_t kGapBytesMax = uint64_t{64} * 1024;
constexpr uint64_t kRequestBytesMax = uint64_t{4} * 1024 * 1024;

// The number of locations from `first` on that one request fetches.
size_t RunLength(const std::vector<BlobLocation>& locations, size_t first) {
  uint64_t begin = locations[first].offset;
  size_t count = 1;
  while (first + count < locations.size()) {
    const BlobLocation& last = locations[first + count - 1];
    const BlobLocation& next = locations[first + count];
    uint64_t last_end = uint64_t{last.offset} + last.stored_length;
    uint64_t next_end = uint64_t{next.offset} + next.stored_length;
    if (next.offset < last_end || next.offset - last_end > kGapBytesMax ||
        next_end - begin > kRequestBytesMax) {
      break;
    }
    ++count;
  }
  return count;
}

}  // namespace

Result<Bytes> BlobReader::Read(ObjectKind kind, const PackReference& pack,
                               const BlobLocation& location) {
  Bytes result;
  RETURN_IF_ERROR(ReadMany(kind, pack, {location}, [&](size_t, ByteView raw) {
    result = ToBytes(raw);
    return Status();
  }));
  return result;
}

Status BlobReader::ReadMany(ObjectKind kind, const PackReference& pack,
                            const std::vector<BlobLocation>& locations, const OnBlob& on_blob) {
  std::string name = cluster_.names.Pack(pack.sha256);
  Result<ByteView> key = cluster_.keys.Find(pack.key_id);
  if (!key.ok()) return std::move(key).Context("opening the pack " + name).status();
  ASSIGN_OR_RETURN(ObjectKey object_key, ObjectKey::Derive(*key, pack.salt, kind, cluster_.place));
  for (size_t first = 0; first < locations.size();) {
    size_t count = RunLength(locations, first);
    const BlobLocation& last = locations[first + count - 1];
    uint64_t begin = locations[first].offset;
    stored_.resize(uint64_t{last.offset} + last.stored_length - begin);
    RETURN_IF_ERROR(
        cluster_.storage.GetRange(name, begin, stored_).Context("reading the pack " + name));
    for (size_t i = first; i < first + count; ++i) {
      const BlobLocation& at = locations[i];
      ByteView sealed = ByteView(stored_).subspan(at.offset - begin, at.stored_length);
      encoded_.resize(at.stored_length - kSealBytes);
      raw_.resize(at.raw_length);
      BlobFrame frame{at.ordinal, at.codec, at.raw_length};
      RETURN_IF_ERROR(object_key.Open(frame, sealed, encoded_).Context("opening the pack " + name));
      RETURN_IF_ERROR(
          decoder_.Decode(at.codec, encoded_, raw_).Context("decoding the pack " + name));
      RETURN_IF_ERROR(on_blob(i, raw_));
    }
    first += count;
  }
  return {};
}

}  // namespace pgcairn::repository
