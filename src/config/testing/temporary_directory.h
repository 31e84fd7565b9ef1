// A fresh directory for one test, removed with all its content afterwards.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace pgcairn::config::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }
  std::string Path(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Creates missing folders; `mode` is set exactly. Returns the path.
  std::string Write(std::string_view name, std::string_view text, mode_t mode = 0600) const;

 private:
  std::string path_;
};

}  // namespace pgcairn::config::testing
