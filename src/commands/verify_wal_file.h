// Proves one archived WAL file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "repository/wal_store/wal_store.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// Fetches `file` and holds it against its name, the cluster and what is kept with it;
// `check_identity` gets the content identity that was computed from its bytes. Errors say what is
// wrong: kDamaged, kWrongKey, kUnsupported, kNotFound and those of the storage.
Status VerifyWalFile(const repository::WalStore& wal, const std::string& file,
                     uint64_t segment_bytes,
                     const std::function<Status(ByteView identity)>& check_identity);

}  // namespace pgcairn::commands
