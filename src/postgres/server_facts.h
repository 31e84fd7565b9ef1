// What a running server says about itself: all that a physical backup has to know of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "postgres/lsn.h"
#include "util/result.h"

namespace pgcairn::postgres {

inline constexpr int kServerMajorMin = 13;
inline constexpr int kServerMajorMax = 18;

struct Tablespace {
  uint32_t oid = 0;
  std::string name;
  // Where its link points. One made with allow_in_place_tablespaces has a location relative to the
  // data directory, and no link.
  std::string location;
};

struct Database {
  uint32_t oid = 0;
  std::string name;
  bool allows_connections = false;  // also false for what an interrupted DROP DATABASE left
  bool is_template = false;
};

// A restored server refuses to start recovery with less than the backed-up one had.
// Source: CheckRequiredParameterValues in src/backend/access/transam/xlogrecovery.c.
struct RecoveryLimits {
  int max_connections = 0;
  int max_worker_processes = 0;
  int max_wal_senders = 0;
  int max_prepared_transactions = 0;
  int max_locks_per_transaction = 0;
};

// Names and paths are bytes as the server holds them, not always UTF-8.
struct ServerFacts {
  int version_num = 0;  // 150020 is 15.20
  int major = 0;
  SystemIdentifier system_identifier;
  TimelineId timeline;       // of a standby: of its last restart point
  bool in_recovery = false;  // a standby
  std::string server_encoding;

  std::string data_directory;
  uint32_t block_size = 0;          // bytes
  uint32_t segment_size_pages = 0;  // pages in one file of a relation
  uint64_t wal_segment_size = 0;    // bytes
  bool data_checksums = false;

  std::string wal_level;
  bool full_page_writes = false;
  std::string archive_mode;     // "off", "on" or "always"
  std::string archive_command;  // "" when none is set or archive_mode is off
  std::string archive_library;  // always "" before 15
  int64_t archive_timeout_s = 0;
  RecoveryLimits limits;
  std::string shared_preload_libraries;

  std::string config_file;
  std::string hba_file;
  std::string ident_file;
  // Every file that settings are read from, in order: config_file, what it includes,
  // postgresql.auto.conf. When pg_file_settings may not be read, only those files are known whose
  // settings are in force, and config_files_complete is false.
  std::vector<std::string> config_files;
  bool config_files_complete = false;

  std::vector<Tablespace> tablespaces;  // without pg_default and pg_global; by OID
  std::vector<Database> databases;      // by OID
};

// Needs pg_read_all_settings. Errors: kUnsupported (a server older than 13 or newer than 18),
// kPermission with the GRANT line, else as Connection::Query.
Result<ServerFacts> ReadServerFacts(Connection& connection);

// True for a standby, and for a server that has not finished its recovery yet.
Result<bool> InRecovery(Connection& connection);

// kUnsupported, with what to do, when this major version is outside kServerMajorMin..Max.
Status CheckServerMajor(int major);

}  // namespace pgcairn::postgres
