// What `check` found out about one thing.
#pragma once

#include <string>

namespace pgcairn::commands {

enum class Severity { kOk, kWarning, kError };

struct Finding {
  std::string subject;  // "archiving", "repository", "key", ...
  Severity severity = Severity::kOk;
  std::string message;
  std::string remedy;  // empty when there is nothing to do
};

}  // namespace pgcairn::commands
