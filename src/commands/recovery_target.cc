#include "commands/recovery_target.h"

#include <fmt/format.h>

namespace pgcairn::commands {

std::string RecoveryTarget::Describe() const {
  const char* side = inclusive ? "" : ", exclusive";
  switch (kind) {
    case TargetKind::kLatest:
      return "the end of the archived WAL";
    case TargetKind::kTime:
      return fmt::format("time {}{}", time.ToText(), side);
    case TargetKind::kLsn:
      return fmt::format("LSN {}{}", lsn.ToText(), side);
    case TargetKind::kXid:
      return fmt::format("transaction {}{}", xid, side);
    case TargetKind::kName:
      return fmt::format("named point \"{}\"", name);
    case TargetKind::kImmediate:
      return "the end of the backup";
  }
  return "";
}

}  // namespace pgcairn::commands
