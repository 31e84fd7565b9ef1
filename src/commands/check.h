// Looks at everything that a backup, the archive and a restore depend on.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

enum class Severity { kOk, kWarning, kError };

struct Finding {
  std::string subject;  // "archiving", "repository", "key", ...
  Severity severity = Severity::kOk;
  std::string message;
  std::string remedy;  // empty when there is nothing to do
};

struct CheckReport {
  std::vector<Finding> findings;
  bool HasErrors() const;
};

// Every part is looked at, whatever the others say: problems are findings, not errors.
CheckReport Check(const config::Settings& settings);

}  // namespace pgcairn::commands
