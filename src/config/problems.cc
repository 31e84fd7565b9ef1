#include "config/problems.h"

#include <fmt/format.h>

namespace pgcairn::config {

void Problems::Add(int line, const std::string& what, const std::string& remedy) {
  problems_.push_back({line > 0 ? fmt::format("line {}: {}", line, what) : what, remedy});
}

Status Problems::ToStatus() const {
  if (problems_.empty()) return {};
  if (problems_.size() == 1) {
    return Error{Code::kUsage, fmt::format("{}, {}", file_, problems_[0].text),
                 problems_[0].remedy};
  }
  std::string message = fmt::format("{} has {} problems:", file_, problems_.size());
  for (const Problem& problem : problems_) {
    message += fmt::format("\n  {} ({})", problem.text, problem.remedy);
  }
  return Error{Code::kUsage, message, fmt::format("correct them in {}", file_)};
}

}  // namespace pgcairn::config
