// Where the configuration lies.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "util/result.h"

namespace pgcairn::config {

struct LoadOptions {
  // --config: a file, a folder with backup.config.json, or the folder above its `config/`.
  std::optional<std::string> config_path;
  // --cluster: wins over cluster.name.
  std::optional<std::string> cluster;
  // The environment of the process. Given, not read, so that nothing else decides.
  std::map<std::string, std::string> environment;
  // Absolute; where --config and ./config/ are looked up, and nothing else.
  std::string working_directory;
  // Searched last.
  std::string system_directory = "/etc/pgcairn";
};

struct ConfigPlace {
  // Absolute; empty when there is no configuration file.
  std::string config_file;
  // Absolute; the folder above `config/` when the file lies in a folder of that name, else the
  // file's folder; the working directory without a file. Relative settings and `.env` start here.
  std::string base_directory;
};

// --config, else PGCAIRN_CONFIG, else ./config/backup.config.json, else backup.config.json in the
// system directory or in its `config/`. Errors: kUsage when a named place holds no configuration,
// kPermission when it cannot be looked into. Without a named place, finding nothing is no error.
Result<ConfigPlace> FindConfig(const LoadOptions& options);

// Where `init` puts a new configuration file for these options, absolute: a named path that ends in
// .json itself, else config/backup.config.json below the named folder or the working directory
// (backup.config.json in a named folder that is itself called config).
std::string PlaceForNewConfig(const LoadOptions& options);

}  // namespace pgcairn::config
