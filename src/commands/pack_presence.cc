#include "commands/pack_presence.h"

#include <fmt/format.h>

#include <string>

namespace pgcairn::commands {

Status RequirePacks(const repository::ClusterAccess& cluster,
                    const std::map<crypto::Sha256Digest, uint64_t>& pack_bytes) {
  constexpr char kHint[] =
      "`pgcairn verify --all` tells which backups are whole: restore one of those";
  for (const auto& [sha256, bytes] : pack_bytes) {
    const std::string name = cluster.names.Pack(sha256);
    Result<storage::ObjectInfo> stored = cluster.storage.Stat(name);
    if (!stored.ok()) {
      Error error = std::move(stored).Context("looking for what the backup needs").error();
      if (error.code == Code::kNotFound) error.hint = kHint;
      return error;
    }
    if (stored->size_bytes == bytes) continue;
    return Error{Code::kDamaged,
                 fmt::format("{} has {} bytes, and the backup needs one of {}", name,
                             stored->size_bytes, bytes),
                 kHint};
  }
  return {};
}

}  // namespace pgcairn::commands
