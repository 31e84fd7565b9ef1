// Makes the repository, the keys and, if absent, the configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

struct InitOptions {
  // Where a new configuration file goes when there is none (config::PlaceForNewConfig).
  std::string new_config_file;
  // The server took the place of the one that the repository knows, as after pg_upgrade or a new
  // initdb: the cluster's history goes on with it. Without this, another server is refused.
  bool new_system = false;
  // Called with the recovery sheet, to be printed at once and kept apart from the repository. It
  // holds the recovery key when no passphrase was given: it is shown this once and stored nowhere.
  // The cluster begins to exist after this call, so that a run that ends in between shows too much
  // and never too little.
  std::function<void(const std::string& sheet)> show_recovery_sheet = [](const std::string&) {};
};

struct InitReport {
  bool repository_created = false;
  bool cluster_created = false;
  std::string repository;  // path
  std::string cluster;
  bool encrypted = true;
  std::string key_file;
  std::vector<std::string> files_created;
  std::string config_file;  // empty when there is none
  uint64_t system_identifier = 0;
  int server_major = 0;
  // The lines for postgresql.conf, and what of them is set already. Empty, as all below, where
  // nothing but a connection is needed (cluster.method is "logical").
  std::vector<std::string> postgresql_conf;
  bool restart_needed = false;
  std::string least_privilege_sql;
};

// May be run again: what is there stays, and what an interrupted run left undone is done. When this
// returns OK the cluster can be opened with the host's key file, and backups may begin once
// archiving is set up. Errors: kUsage (no connection), kConnection, kRefused (the cluster's name is
// taken by another PostgreSQL cluster; repository inside the data directory), kUnsupported (the
// storage lacks an ability), kWrongKey, kPermission, kStorage.
Result<InitReport> Init(config::Settings settings, const InitOptions& options);

}  // namespace pgcairn::commands
