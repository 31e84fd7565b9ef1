// A throwaway PostgreSQL server for tests: own directory, own socket, gone with the object.
//
// The server never runs as root: when the tests do, it runs as the "postgres" user. It listens on
// a Unix socket in its own directory only, unless a setting says otherwise, and dies with the
// thread that started it, so a crashed test leaves no server behind.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/result.h"

namespace pgcairn::postgres::testing {

inline constexpr char kDebianBinDirectory[] = "/usr/lib/postgresql/15/bin";

struct ScratchOptions {
  // Holds initdb and postgres. psql always comes from kDebianBinDirectory.
  std::string bin_directory = kDebianBinDirectory;
  // Added to initdb's command line.
  std::vector<std::string> initdb_arguments = {"--data-checksums"};
  // Lines for postgresql.conf, after the defaults of the scratch cluster.
  std::vector<std::string> settings = {};
  // Start on this directory instead of making one with initdb. It is left in place afterwards and
  // must belong to the server's user.
  std::string existing_data_directory = {};
};

// What a finished program left: its exit code (128 + signal when killed) and its output.
struct Finished {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Not for two threads at once.
class ScratchCluster {
 public:
  // Makes the directory, as initdb would; the server is not started. Clusters of one process with
  // the same arguments for initdb have the same system identifier.
  static Result<std::unique_ptr<ScratchCluster>> Create(ScratchOptions options = {});
  ScratchCluster(const ScratchCluster&) = delete;
  ScratchCluster& operator=(const ScratchCluster&) = delete;
  // Stops the server and removes root_directory().
  ~ScratchCluster();

  // Returns when the server takes connections (a standby: read-only ones).
  Status Start();
  // A fast shutdown; does nothing when the server does not run.
  Status Stop();
  // As after a crash: the next start goes through recovery.
  Status StopImmediately();
  bool running() const { return server_ > 0; }
  pid_t server_pid() const { return server_; }

  // Runs statements one by one, each in a transaction of its own, as the superuser "postgres".
  // Returns rows as lines, columns parted by "|", without the last newline.
  Result<std::string> Sql(std::string_view statements, std::string_view database = "postgres");

  // Runs a program as the server's user, with a clean environment; argv[0] with a slash is a path,
  // otherwise a program in kDebianBinDirectory.
  Result<Finished> Run(const std::vector<std::string>& argv, std::string_view input = "");

  // A new directory below root_directory() that belongs to the server's user, mode 0700.
  Result<std::string> MakeDirectory(std::string_view name);
  // Appends a line to postgresql.conf; takes effect at the next start or reload.
  Status Configure(std::string_view line);

  const std::string& root_directory() const { return root_; }
  const std::string& data_directory() const { return data_; }
  const std::string& socket_directory() const { return socket_; }
  const std::string& bin_directory() const { return options_.bin_directory; }
  int port() const { return port_; }
  // For libpq: host, port, user and database.
  std::string ConnectionString(std::string_view database = "postgres") const;
  // What the server logged so far.
  std::string ServerLog() const;
  // The user the server runs as.
  uid_t uid() const { return uid_; }
  gid_t gid() const { return gid_; }

 private:
  explicit ScratchCluster(ScratchOptions options) : options_(std::move(options)) {}
  Status Prepare();
  Status MakeDataDirectory();
  Status StopWith(int signal);

  ScratchOptions options_;
  std::string root_;
  std::string data_;
  std::string socket_;
  int port_ = 0;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  pid_t server_ = -1;
};

}  // namespace pgcairn::postgres::testing
