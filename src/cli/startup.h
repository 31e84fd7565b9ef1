// What happens before a verb runs: settings, user, hardening.
#pragma once

#include <optional>
#include <string>

#include "config/config_search.h"
#include "config/settings.h"
#include "util/log.h"
#include "util/result.h"

namespace pgcairn::cli {

struct GlobalOptions {
  std::string config;   // --config
  std::string cluster;  // --cluster
  std::string owner;    // --owner: the user to become when started as root
  bool json = false;    // --output=json
  bool no_progress = false;
  std::string log_level = "info";
  std::string command_line;  // for the log
  // Of the lines that say what ran and how it ended. PostgreSQL runs the WAL verbs for every
  // segment: of those only what goes wrong is worth keeping.
  LogLevel log_runs_at = LogLevel::kInfo;
};

// From the global options and the process's environment and working directory.
config::LoadOptions ToLoadOptions(const GlobalOptions& options);

// Opens /dev/null for the standard files that the caller has closed. The next file that is opened,
// one of the repository, would be in their place, and what is printed would go into it. Before
// anything is opened.
void OpenStandardFiles();
// It was then. What is printed goes nowhere.
bool StandardOutputWasClosed();

// Closes what must be closed in every process: no core dumps, and files only for the owner.
void Harden();

// Settings for a verb; begins the log. Started as root, the process first becomes the user that
// owns the cluster, before it opens anything: --owner, else the owner of the configuration, of
// cluster.data_directory or of the repository, else "postgres"; and says so. `for_init` also closes
// a .env that others can read, and takes a place without a configuration: both errors otherwise.
// Errors: kUsage (no such user, settings), kPermission, kRefused.
Result<config::Settings> Prepare(const GlobalOptions& options, bool for_init = false);

}  // namespace pgcairn::cli
