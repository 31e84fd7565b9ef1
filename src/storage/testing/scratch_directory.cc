#include "storage/testing/scratch_directory.h"

#include <algorithm>

namespace pgcairn::storage {

std::vector<std::string> ScratchDirectory::Files() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    if (!std::filesystem::is_directory(entry.symlink_status())) {
      files.push_back(entry.path().lexically_relative(path_).string());
    }
  }
  std::ranges::sort(files);
  return files;
}

std::unique_ptr<LocalStorage> ScratchDirectory::OpenStorage(PublishMethod method) const {
  Result<std::unique_ptr<LocalStorage>> opened = LocalStorage::Open(path_, method);
  CHECK(opened.ok());
  return *std::move(opened);
}

}  // namespace pgcairn::storage
