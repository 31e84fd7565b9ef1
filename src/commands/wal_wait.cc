#include "commands/wal_wait.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "postgres/wal_switch.h"
#include "util/clock.h"

namespace pgcairn::commands {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
// Keeps the session, which the backup lives in, from being taken for dead.
constexpr double kPingSeconds = 10;

std::string ArchiverSays(postgres::Connection& connection) {
  Result<postgres::ArchiverState> state = postgres::ReadArchiverState(connection);
  if (!state.ok()) return "";
  if (!state->last_failed_wal.empty() &&
      (!state->last_archived_time || *state->last_failed_time > *state->last_archived_time)) {
    return fmt::format("; the server's archiver failed last on {} at {}, after {} failures",
                       state->last_failed_wal, state->last_failed_time->ToText(),
                       state->failed_count);
  }
  if (state->last_archived_wal.empty()) return "; the server's archiver has archived nothing yet";
  return fmt::format("; the server archived {} last", state->last_archived_wal);
}

Error TimedOut(const std::string& name, int64_t timeout_s, postgres::Connection& connection) {
  return {Code::kTimeout,
          fmt::format("the WAL segment {} did not arrive in the archive within {} s{}", name,
                      timeout_s, ArchiverSays(connection)),
          "look into the server's log for what archive_command says; `pgcairn check` tests "
          "archiving; cluster.wal_timeout allows more time"};
}

}  // namespace

std::vector<std::string> SegmentsBetween(postgres::TimelineId timeline, postgres::Lsn start,
                                         postgres::Lsn stop, uint64_t segment_bytes) {
  std::vector<std::string> names;
  uint64_t last = postgres::SegmentBefore(timeline, stop, segment_bytes).number;
  uint64_t number = postgres::SegmentHolding(timeline, start, segment_bytes).number;
  for (; number <= last; ++number) {
    names.push_back(postgres::WalSegmentName({timeline, number}, segment_bytes));
  }
  return names;
}

Result<std::vector<format::WalProof>> WaitForSegments(const repository::WalStore& wal,
                                                      const std::vector<std::string>& names,
                                                      int64_t timeout_s,
                                                      postgres::Connection& connection) {
  std::vector<format::WalProof> proofs;
  double deadline = MonotonicSeconds() + static_cast<double>(timeout_s);
  double next_ping = MonotonicSeconds() + kPingSeconds;
  for (const std::string& name : names) {
    for (;;) {
      Result<repository::ContentIdentity> identity = wal.ReadIdentity(name);
      if (identity.ok()) {
        format::WalProof proof;
        proof.set_name(name);
        proof.set_content_identity(ToString(identity->view()));
        proofs.push_back(std::move(proof));
        deadline = MonotonicSeconds() + static_cast<double>(timeout_s);
        break;
      }
      if (identity.code() != Code::kNotFound) {
        return std::move(identity).Context("looking for archived WAL").error();
      }
      double now = MonotonicSeconds();
      if (now > deadline) return TimedOut(name, timeout_s, connection);
      if (now > next_ping) {
        RETURN_IF_ERROR(connection.QueryCell("SELECT 1").Context("waiting for WAL"));
        next_ping = now + kPingSeconds;
      }
      std::this_thread::sleep_for(kPoll);
    }
  }
  return proofs;
}

}  // namespace pgcairn::commands
