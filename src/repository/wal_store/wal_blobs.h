// The bytes of an archived WAL file as sealed blobs (docs/format.md, section 9).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "format/wal.pb.h"
#include "repository/seal/object_key.h"
#include "repository/wal_store/wal_identity.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Every worker seals and opens with a key object of its own.
using MakeObjectKey = std::function<Result<ObjectKey>()>;

struct SealedWal {
  std::vector<Bytes> blobs;
  std::vector<WalPieceTag> tags;
};

// Seals `content`, a file without its trailing zeros, in pieces of kWalPieceBytes with ordinals
// from 1, on up to `threads` threads, and calls `meanwhile` once on one of them; an error of it
// ends the work. Codecs and lengths are added to `info` when all is done: `meanwhile` may fill it.
Result<SealedWal> SealWalBlobs(ByteView content, int level, size_t threads,
                               const MakeObjectKey& make_key, ByteView wal_identity_key,
                               const std::function<Status()>& meanwhile, format::WalInfo& info);

// Where opened bytes go.
struct WalSink {
  // Called once for each blob, with the offset in the file, from several threads at once, in any
  // order.
  std::function<Status(uint64_t offset, ByteView bytes)> write;
  // Called once after all of them, if zeros follow to the file's end.
  std::function<Status(uint64_t offset, uint64_t length)> write_zeros;
};

// Opens the blobs that `info`, which was sealed with them, lists. `stored` is all that follows the
// info in the object; `name` is for messages. kDamaged: what was stored is not what was sealed; the
// sink may have been called for some blobs by then. Errors of the sink are passed on.
Status OpenWalBlobs(std::string_view name, const format::WalInfo& info, ByteView stored,
                    size_t threads, const MakeObjectKey& make_key, const WalSink& sink);

// kDamaged, with what there is to do about it.
Error DamagedWalFile(std::string_view name, std::string_view what);

}  // namespace pgcairn::repository
