// Moments between two backups of a database, which nothing restores.
#pragma once

#include <optional>

#include "config/settings.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// kUnreachableTarget, with the logical backups on both sides of `moment` and how to restore one of
// them; without a moment, which a position in a log or a transaction does not tell, the newest.
// Where the backups cannot be listed, why.
Error NoSuchMoment(const config::Settings& settings, const std::optional<Timestamp>& moment);

}  // namespace pgcairn::commands
