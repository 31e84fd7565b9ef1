#include "repository/wal_store/wal_blobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "repository/seal/codec.h"
#include "util/large_buffer.h"
#include "util/parallel.h"

namespace pgcairn::repository {
namespace {

uint32_t OrdinalOf(size_t blob) { return static_cast<uint32_t>(blob + 1); }

struct Sealer {
  Encoder encoder;
  ObjectKey key;
  WalPieceTagger tagger;
  LargeBuffer room{Encoder::EncodedSizeMax(kWalPieceBytes) + kSealBytes};

  Result<Bytes> Seal(size_t blob, ByteView raw, format::WalBlob& described) {
    ASSIGN_OR_RETURN(Encoder::Encoded encoded, encoder.Encode(raw, room.bytes()));
    auto raw_length = static_cast<uint32_t>(raw.size());
    std::span<uint8_t> sealed = room.bytes().first(encoded.size + kSealBytes);
    RETURN_IF_ERROR(
        key.Seal({OrdinalOf(blob), encoded.codec, raw_length}, sealed.first(encoded.size), sealed));
    described.set_codec(encoded.codec);
    described.set_raw_length(raw_length);
    described.set_stored_length(static_cast<uint32_t>(sealed.size()));
    return ToBytes(sealed);
  }
};

struct Opener {
  Decoder decoder;
  ObjectKey key;
  Bytes encoded;
  Bytes raw;

  Status Open(size_t blob, const format::WalBlob& described, ByteView stored) {
    auto codec = static_cast<uint16_t>(described.codec());
    encoded.resize(stored.size() - kSealBytes);
    RETURN_IF_ERROR(key.Open({OrdinalOf(blob), codec, described.raw_length()}, stored, encoded));
    raw.resize(described.raw_length());
    return decoder.Decode(codec, encoded, raw);
  }
};

// A context for each worker, made when it is first needed.
template <typename Context>
class PerWorker {
 public:
  explicit PerWorker(size_t workers) : contexts_(workers) {}

  template <typename Make>
  Result<Context*> Get(size_t worker, const Make& make) {
    if (!contexts_[worker]) {
      ASSIGN_OR_RETURN(contexts_[worker], make());
    }
    return contexts_[worker].get();
  }

 private:
  std::vector<std::unique_ptr<Context>> contexts_;
};

struct Extent {
  uint64_t raw_offset = 0;
  ByteView stored;
};

// Where each blob lies, all lengths checked against the whole.
Result<std::vector<Extent>> Extents(std::string_view name, const format::WalInfo& info,
                                    ByteView stored) {
  std::vector<Extent> extents;
  uint64_t raw_offset = 0;
  for (const format::WalBlob& blob : info.blobs()) {
    if (blob.stored_length() > stored.size() || blob.stored_length() < kSealBytes ||
        blob.raw_length() > info.raw_size() - raw_offset || blob.codec() > UINT16_MAX) {
      return DamagedWalFile(name, "its blobs do not fit");
    }
    extents.push_back({raw_offset, stored.first(blob.stored_length())});
    stored = stored.subspan(blob.stored_length());
    raw_offset += blob.raw_length();
  }
  if (!stored.empty()) return DamagedWalFile(name, "its length does not fit");
  return extents;
}

}  // namespace

Error DamagedWalFile(std::string_view name, std::string_view what) {
  return {Code::kDamaged, fmt::format("the archived {} is damaged: {}", name, what),
          "run `pgcairn check`; a backup taken after this segment does not need it"};
}

Result<SealedWal> SealWalBlobs(ByteView content, int level, size_t threads,
                               const MakeObjectKey& make_key, ByteView wal_identity_key,
                               const std::function<Status()>& meanwhile, format::WalInfo& info) {
  threads = std::max<size_t>(threads, 1);
  const size_t count = (content.size() + kWalPieceBytes - 1) / kWalPieceBytes;
  SealedWal sealed{std::vector<Bytes>(count), std::vector<WalPieceTag>(count)};
  std::vector<format::WalBlob> described(count);
  PerWorker<Sealer> sealers(threads);
  auto make = [&]() -> Result<std::unique_ptr<Sealer>> {
    ASSIGN_OR_RETURN(ObjectKey key, make_key());
    return std::make_unique<Sealer>(
        Sealer{Encoder(level), std::move(key), WalPieceTagger(wal_identity_key)});
  };
  // First what takes longest.
  auto work = [&](size_t worker, size_t item) -> Status {
    if (item == 0) return meanwhile();
    const size_t at = item - 1;
    ByteView piece = content.subspan(at * kWalPieceBytes);
    piece = piece.first(std::min(kWalPieceBytes, piece.size()));
    ASSIGN_OR_RETURN(Sealer * sealer, sealers.Get(worker, make));
    sealed.tags[at] = sealer->tagger.TagOf(piece);
    ASSIGN_OR_RETURN(sealed.blobs[at], sealer->Seal(at, piece, described[at]));
    return {};
  };
  RETURN_IF_ERROR(ForEachInParallel(count + 1, threads, work));
  for (format::WalBlob& blob : described) *info.add_blobs() = std::move(blob);
  return sealed;
}

Status OpenWalBlobs(std::string_view name, const format::WalInfo& info, ByteView stored,
                    size_t threads, const MakeObjectKey& make_key, const WalSink& sink) {
  threads = std::max<size_t>(threads, 1);
  ASSIGN_OR_RETURN(std::vector<Extent> extents, Extents(name, info, stored));
  PerWorker<Opener> openers(threads);
  auto make = [&]() -> Result<std::unique_ptr<Opener>> {
    ASSIGN_OR_RETURN(ObjectKey key, make_key());
    return std::make_unique<Opener>(Opener{Decoder(), std::move(key), {}, {}});
  };
  auto open = [&](size_t worker, size_t blob) -> Status {
    ASSIGN_OR_RETURN(Opener * opener, openers.Get(worker, make));
    RETURN_IF_ERROR(opener->Open(blob, info.blobs(static_cast<int>(blob)), extents[blob].stored));
    return sink.write(extents[blob].raw_offset, opener->raw);
  };
  RETURN_IF_ERROR(ForEachInParallel(extents.size(), threads, open));
  uint64_t at =
      extents.empty() ? 0 : extents.back().raw_offset + info.blobs().rbegin()->raw_length();
  return at == info.raw_size() ? Status() : sink.write_zeros(at, info.raw_size() - at);
}

}  // namespace pgcairn::repository
