// Configuration files that lie outside the data directory, as Debian puts them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

struct ExternalConfigPaths {
  std::string data_directory;
  // The server's settings of these names; an empty one is passed over.
  std::string config_file;
  std::string hba_file;
  std::string ident_file;
  // What those include (pg_file_settings.sourcefile and the like). Absolute.
  std::vector<std::string> included_files;
};

struct ExternalFile {
  // Absolute, as the server named it or as it lies in the directory of config_file.
  std::string path;
  // Where a restore puts it below TARGET.config: `path` without its leading slash.
  std::string relative;
  Bytes content;
  // Permission bits.
  uint32_t mode = 0;
};

struct ExternalConfig {
  // By path, each once.
  std::vector<ExternalFile> files;
  // What was left out and why.
  std::vector<std::string> notes;
};

inline constexpr uint64_t kExternalFileSizeMax = 1 << 20;
inline constexpr uint64_t kExternalConfigSizeMax = 16 << 20;

// The files named that lie outside the data directory, and with config_file the other ordinary
// files of its directory and of conf.d in it. Never a private key: files named *.key, closed files
// with "key" in their name, files that contain a PEM private key. Files inside the data directory
// belong to the backup of it.
//
// A file that is missing, too large, or a neighbour that cannot be read, becomes a note. Errors:
// kPermission when a named file cannot be read; kStorage.
Result<ExternalConfig> CollectExternalConfig(const ExternalConfigPaths& paths);

}  // namespace pgcairn::postgres
