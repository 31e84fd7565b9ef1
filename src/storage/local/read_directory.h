// Reading a directory of the host with what lstat says of each name.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace pgcairn::storage {

struct DirectoryEntry {
  std::string name;
  // Of a subdirectory only the type in st_mode is set.
  struct stat info {};
};

// Every name but "." and "..", in the filesystem's order; names that vanish meanwhile are left out.
// `directory_fd` stays the caller's and must not have been read before; `path` is for messages.
// With `wanted`, of what is no subdirectory only the names that it takes: the others cost no
// request.
Result<std::vector<DirectoryEntry>> ReadDirectory(int directory_fd, const std::string& path,
                                                  bool (*wanted)(std::string_view name) = nullptr);

}  // namespace pgcairn::storage
