#include "repository/pack/blob_reader.h"

#include <span>
#include <utility>

#include "repository/seal/object_key.h"

namespace pgcairn::repository {
namespace {

// Bytes that nobody wants are fetched with their neighbours up to this many: 256 KiB are 2 ms of a
// gigabit's line and less on any disk, while one more request costs an object store 10 ms or more
// and a disk that turns as much. More would fetch half a pack for nothing where a delta restore
// wants a page here and there: a blob that is not wanted is about this large.
constexpr uint64_t kGapBytesMax = uint64_t{256} * 1024;
// A whole pack: 10 TB are then some hundred thousand requests, and each is long enough for its
// first byte's delay not to count. One blob may be longer.
constexpr uint64_t kRequestBytesMax = uint64_t{16} * 1024 * 1024;

// The number of locations from `first` on that one request fetches.
size_t RunLength(const std::vector<BlobLocation>& locations, size_t first) {
  uint64_t begin = locations[first].offset;
  size_t count = 1;
  while (first + count < locations.size()) {
    const BlobLocation& last = locations[first + count - 1];
    const BlobLocation& next = locations[first + count];
    uint64_t last_end = uint64_t{last.offset} + last.stored_length;
    uint64_t next_end = uint64_t{next.offset} + next.stored_length;
    bool joins =
        next == last || (next.offset >= last_end && next.offset - last_end <= kGapBytesMax &&
                         next_end - begin <= kRequestBytesMax);
    if (!joins) break;
    ++count;
  }
  return count;
}

// At least `size` bytes that were not filled with zeros again and again.
std::span<uint8_t> Room(Bytes& buffer, size_t size) {
  if (buffer.size() < size) buffer.resize(size);
  return std::span(buffer).first(size);
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
    std::span<uint8_t> stored = Room(stored_, uint64_t{last.offset} + last.stored_length - begin);
    RETURN_IF_ERROR(
        cluster_.storage.GetRange(name, begin, stored).Context("reading the pack " + name));
    std::span<uint8_t> raw;
    for (size_t i = first; i < first + count; ++i) {
      const BlobLocation& at = locations[i];
      if (i == first || !(at == locations[i - 1])) {
        std::span<uint8_t> encoded = Room(encoded_, at.stored_length - kSealBytes);
        raw = Room(raw_, at.raw_length);
        BlobFrame frame{at.ordinal, at.codec, at.raw_length};
        RETURN_IF_ERROR(
            object_key.Open(frame, stored.subspan(at.offset - begin, at.stored_length), encoded)
                .Context("opening the pack " + name));
        RETURN_IF_ERROR(
            decoder_.Decode(at.codec, encoded, raw).Context("decoding the pack " + name));
      }
      RETURN_IF_ERROR(on_blob(i, raw));
    }
    first += count;
  }
  return {};
}

}  // namespace pgcairn::repository
