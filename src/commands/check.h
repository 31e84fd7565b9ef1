// Looks at everything that a backup, the archive and a restore depend on.
#pragma once

#include <vector>

#include "commands/finding.h"
#include "config/settings.h"

namespace pgcairn::commands {

struct CheckReport {
  std::vector<Finding> findings;
  bool HasErrors() const;
};

// Every part is looked at, whatever the others say: problems are findings, not errors.
CheckReport Check(const config::Settings& settings);

}  // namespace pgcairn::commands
