// Turns what must stay of the archived WAL into verdicts on everything that is archived.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/retention.h"

namespace pgcairn::commands {

// Segments of one timeline that stay.
struct WalKeep {
  postgres::TimelineId timeline;
  uint64_t first = 0;
  std::optional<uint64_t> last;  // nothing: to the end, what is archived later included
  std::string reason;
};

// By timeline and place; each archived segment is in one verdict. What no `keep` holds goes for the
// reason `otherwise`. Where a keep without an end holds, those with an end are not named too.
std::vector<WalVerdict> JudgeWal(const ArchivedWal& wal, const std::vector<WalKeep>& keeps,
                                 const std::string& otherwise);

}  // namespace pgcairn::commands
