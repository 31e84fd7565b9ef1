// A directory of a test's own, removed at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/local/local_storage.h"
#include "util/result.h"

namespace pgcairn::storage {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    // Canonical, because the kernel reports descriptors by their real paths.
    std::string pattern =
        (std::filesystem::canonical(std::filesystem::temp_directory_path()) / "pgcairn-XXXXXX")
            .string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

  // Every file below it, whatever its name, relative and sorted; directories are left out.
  std::vector<std::string> Files() const;

  // Opens a storage here, which must work.
  std::unique_ptr<LocalStorage> OpenStorage(
      PublishMethod method = PublishMethod::kUnnamedLink) const;

 private:
  std::string path_;
};

}  // namespace pgcairn::storage
