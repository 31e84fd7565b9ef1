// Everything that is wrong with a file, in one error.
#pragma once

#include <string>
#include <vector>

#include "util/result.h"

namespace pgcairn::config {

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  // `what` begins with the key path; `remedy` says what to write instead. `line` 0: no line.
  void Add(int line, const std::string& what, const std::string& remedy);

  // OK when nothing was added, else one kUsage error that names the file and lists all of them,
  // each with its remedy.
  Status ToStatus() const;

 private:
  struct Problem {
    std::string text;
    std::string remedy;
  };
  std::string file_;
  std::vector<Problem> problems_;
};

}  // namespace pgcairn::config
