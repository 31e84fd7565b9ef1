// Timeline history files: which timelines a timeline grew from, and where.
//
// Source: src/backend/access/transam/timeline.c (readTimeLineHistory, tliOfPointInHistory,
// writeTimeLineHistory).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/lsn.h"
#include "util/result.h"

namespace pgcairn::postgres {

// One line: the log goes on in another timeline from `switch_point` on.
struct TimelineSwitch {
  TimelineId parent;
  Lsn switch_point;
  std::string reason;
  friend bool operator==(const TimelineSwitch&, const TimelineSwitch&) = default;
};

// Reads the text of a .history file, oldest switch first. Parents strictly rise. Switch points need
// not: a server that was told to follow timeline 2 and stopped before 2 began writes 2 as the
// parent of 3, with the earlier place. Errors: kDamaged, naming the line.
Result<std::vector<TimelineSwitch>> ParseTimelineHistory(std::string_view text);

// Which timeline's log holds the byte at `lsn` for a server on timeline `target`, whose history
// file says `history` (empty for one without a file). At a switch point that is the new timeline.
// Errors: kDamaged when `history` cannot be that of `target`.
Result<TimelineId> TimelineHolding(TimelineId target, const std::vector<TimelineSwitch>& history,
                                   Lsn lsn);

// Whether a server on `target` has been through the log of `ancestor` up to `until`: `target` is
// `ancestor` itself, or left it, with all its later parents, at `until` or after. A backup of
// `ancestor` with the stop LSN `until` can be recovered to `target` exactly when this holds.
// Errors: as above.
Result<bool> DescendsFrom(TimelineId target, const std::vector<TimelineSwitch>& history,
                          TimelineId ancestor, Lsn until);

}  // namespace pgcairn::postgres
