#include "config/testing/temporary_directory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "util/file.h"

namespace pgcairn::config::testing {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "pgcairn-config-XXXXXX";
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = std::filesystem::canonical(pattern);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Write(std::string_view name, std::string_view text,
                                      mode_t mode) const {
  std::string path = Path(name);
  CHECK(MakeDirectories(DirectoryOf(path)).ok());
  std::ofstream(path, std::ios::trunc) << text;
  CHECK(::chmod(path.c_str(), mode) == 0);
  return path;
}

}  // namespace pgcairn::config::testing
