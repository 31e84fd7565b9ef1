// A PostgreSQL server of our own on a restored data directory: to prove that it recovers.
//
// Nobody else can reach it: no TCP, a Unix socket in a private directory, its log in a file, no
// external pid file. It does not outlive the thread that started it, however that ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "util/result.h"

namespace pgcairn::postgres {

// Not for two threads at once; the thread that called Start() must live as long as the server.
class StandaloneServer {
 public:
  struct Options {
    std::string bin_dir;  // FindServerBinaries
    std::string data_directory;
    // Made (0700) when absent. "", or one too long for a socket's path (107 bytes), or with a
    // comma: a new directory below /tmp that goes with the server.
    std::string socket_directory;
    // Name and value, on the server's command line: they win over every file, and anybody on the
    // machine can read them.
    std::vector<std::pair<std::string, std::string>> settings;
    // "" leaves the server's own choice, the file in the data directory.
    std::string config_file;
    std::string hba_file;
    std::string ident_file;
    std::string log_file;  // appended to; made 0600
    double timeout_s = 3600;
    int port = 5432;  // names the socket, nothing more
  };

  // Returns when recovery is over and the server takes writes. Until then nobody can connect
  // (hot_standby is off); a recovery_target_action of pause counts as shutdown, which is kFailed.
  // Errors: kRefused as root; kFailed when the server ends by itself and kTimeout when recovery is
  // not over in time, both with the last lines of the server's log; kNotFound, kPermission.
  static Result<StandaloneServer> Start(const Options& options);

  StandaloneServer(StandaloneServer&& other) noexcept { *this = std::move(other); }
  StandaloneServer& operator=(StandaloneServer&& other) noexcept;
  // As Stop(), without a word about how it went.
  ~StandaloneServer() { (void)Stop(); }

  // A fast shutdown; after a minute an immediate one, which is kTimeout. The server is gone when
  // this returns, in every case. Does nothing the second time.
  Status Stop();

  // For Connection::Open. `user` "" is the operating system user's name.
  std::string Conninfo(const std::string& database, const std::string& user = "") const;

  pid_t pid() const { return pid_; }
  const std::string& socket_directory() const { return socket_directory_; }

 private:
  StandaloneServer() = default;
  Status ChooseSocketDirectory(const Options& options);
  Status Launch(const Options& options);
  Status WaitUntilReady(const Options& options, off_t log_start);
  // True once the server is gone; takes its exit status then.
  bool Reap();
  bool WaitForEnd(double seconds);

  pid_t pid_ = -1;  // -1 once reaped
  int exit_status_ = 0;
  std::string socket_directory_;
  bool owns_socket_directory_ = false;
  int port_ = 0;
};

}  // namespace pgcairn::postgres
