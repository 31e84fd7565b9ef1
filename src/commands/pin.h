// Keeps a backup from being removed by retention, and says why in words.
#pragma once

#include <optional>
#include <string>

#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

inline constexpr size_t kNoteBytesMax = 4096;

struct PinRequest {
  std::string backup;  // as ResolveBackupWithRows understands it
  bool pinned = true;
  std::optional<std::string> note;  // nothing: stays as it is; empty: is taken away
};

struct PinReport {
  std::string backup_id;
  bool pinned = false;
  std::string note;
};

// When this returns OK the backup is there and what was said of it is durable. kNotFound: there is
// no such backup, or it was deleted meanwhile. kRefused: a prune means to delete it. kUsage: the
// note is too long or has control characters, which would break the lines of `list`. kDamaged,
// kWrongKey: the backup is there and cannot be read; it is pinned all the same. To take a pin away
// it need not be readable.
Result<PinReport> Pin(const config::Settings& settings, const PinRequest& request);

}  // namespace pgcairn::commands
