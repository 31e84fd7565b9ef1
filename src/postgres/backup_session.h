// A physical backup as the server sees it: between start and stop it keeps full-page writes on, so
// that a copy of its files plus the WAL of that span is a consistent cluster.
#pragma once

#include <string>
#include <utility>

#include "postgres/backup_label.h"
#include "postgres/connection.h"
#include "postgres/lsn.h"
#include "util/result.h"

namespace pgcairn::postgres {

// The backup belongs to the server process behind `connection`: that connection is used by one
// thread at a time, is neither moved nor destroyed while this lives, and must not be closed before
// Stop() has returned, or the server aborts the backup. Several backups may run at once, each on
// its own connection.
class BackupSession {
 public:
  // Returns after the checkpoint that the backup begins with: at once when `fast`, else after up to
  // checkpoint_completion_target x checkpoint_timeout. `label` is printable ASCII of at most 1,023
  // bytes; it ends up in the backup_label.
  // Errors: kRefused (a standby, or a pooler in between), kUsage (label), kPermission with the
  // GRANT line, else as Connection::Query. An error after the server has begun closes the
  // connection.
  static Result<BackupSession> Start(Connection& connection, const std::string& label, bool fast);

  BackupSession(BackupSession&& other) noexcept { *this = std::move(other); }
  BackupSession& operator=(BackupSession&& other) noexcept;
  // Without a finished Stop() it closes the connection, which aborts the backup on the server.
  ~BackupSession() { Abort(); }

  // Recovery starts at its lsn; every WAL byte from there to the stop is needed.
  const BackupStart& start() const { return start_; }

  // Proves that the server process is still there. Call it now and then while copying.
  // Errors: kConnection: the backup is lost.
  Status Ping();

  struct StopResult {
    Lsn stop_lsn;  // the copy is consistent once recovery has come this far
    TimelineId timeline;
    // Byte for byte as the server gave them, to be restored as files of these names. An empty
    // tablespace_map stands for none.
    std::string backup_label;
    std::string tablespace_map;
    BackupLabel parsed_label;
  };
  // Ends the backup without waiting for WAL to be archived, which is the caller's to prove. At most
  // once. After an error the connection is closed and the backup is void.
  // Errors: kConnection; kDamaged when what the server returns does not agree with the start.
  Result<StopResult> Stop();

 private:
  BackupSession() = default;
  Result<StopResult> RunStop();
  void Abort();

  Connection* connection_ = nullptr;  // null once stopped
  BackupStart start_;
};

}  // namespace pgcairn::postgres
