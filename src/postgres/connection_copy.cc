#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string_view>
#include <utility>

#include "postgres/connection_session.h"

namespace pgcairn::postgres {
namespace {

// libpq counts in int.
constexpr size_t kPieceBytesMax = size_t{1} << 20;

// What libpq can receive at once, for which it makes its buffer as large as the longest message was
// (pqCheckInBufferSpace in src/interfaces/libpq/fe-misc.c); 16 KiB otherwise. A local socket holds
// some 200 KiB.
constexpr size_t kReceivedBytes = size_t{256} << 10;
constexpr timespec kUntilMoreCame{0, 500'000};
// Of a server slower than this, or should libpq's buffer be small after all, nothing piles up.
constexpr uint64_t kBytesWorthWaiting = uint64_t{24} << 10;

ResultOwner Owned(PGresult* result) { return {result, Libpq().PQclear}; }

ResultOwner Begin(PGconn* connection, const std::string& sql) {
  return Owned(Libpq().PQexecParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                                    /*resultFormat=*/0));
}

Result<uint64_t> RowsOf(PGresult* result) {
  const std::string_view text = Libpq().PQcmdTuples(result);
  uint64_t rows = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), rows);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error{Code::kFailed, "the server does not say how many rows it copied", ""};
  }
  return rows;
}

// The last answer to a statement; those before it are an error if one of them is.
ResultOwner LastResult(PGconn* connection) {
  ResultOwner last = Owned(nullptr);
  while (PGresult* next = Libpq().PQgetResult(connection)) {
    if (last == nullptr || Libpq().PQresultStatus(last.get()) == PGRES_COMMAND_OK) {
      last.reset(next);
    } else {
      Libpq().PQclear(next);
    }
  }
  return last;
}

}  // namespace

Status Connection::ExpectManyRows() {
  RETURN_IF_ERROR(Query(fmt::format("SELECT pg_catalog.repeat(' ', {})", kReceivedBytes)).status());
  session_->takes_many_rows = true;
  return {};
}

Status Connection::BeginCopyOut(const std::string& sql) {
  if (session_ == nullptr) return ClosedSession();
  ResultOwner begun = Begin(session_->connection, sql);
  if (Libpq().PQresultStatus(begun.get()) != PGRES_COPY_OUT) return session_->ErrorOf(begun.get());
  session_->copied_rows = 0;
  session_->bytes_since_wait = 0;
  return {};
}

Result<ByteView> Connection::NextCopiedRow() {
  if (session_ == nullptr) return ClosedSession();
  PGconn* connection = session_->connection;
  const LibpqFunctions& libpq = Libpq();
  char* row = nullptr;
  int length = libpq.PQgetCopyData(connection, &row, /*async=*/1);
  if (length == 0) {
    session_->LetRowsComeIn();
    length = libpq.PQgetCopyData(connection, &row, /*async=*/0);
  }
  session_->copied_row = {row, libpq.PQfreemem};
  if (length >= 0) {
    ++session_->copied_rows;
    session_->bytes_since_wait += static_cast<uint64_t>(length);
    return AsBytes(std::string_view(row, static_cast<size_t>(length)));
  }
  ResultOwner ended = LastResult(connection);
  if (Libpq().PQresultStatus(ended.get()) != PGRES_COMMAND_OK) {
    return session_->ErrorOf(ended.get());
  }
  ASSIGN_OR_RETURN(uint64_t sent, RowsOf(ended.get()));
  if (sent == session_->copied_rows) return ByteView();
  return Error{Code::kFailed,
               fmt::format("{} rows came of {} that the server sent", session_->copied_rows, sent),
               ""};
}

void Connection::Session::LetRowsComeIn() {
  if (!takes_many_rows || std::exchange(bytes_since_wait, 0) < kBytesWorthWaiting) return;
  ::nanosleep(&kUntilMoreCame, nullptr);
}

Result<uint64_t> Connection::CopyOut(const std::string& sql, const OnRow& on_row) {
  RETURN_IF_ERROR(BeginCopyOut(sql));
  for (;;) {
    ASSIGN_OR_RETURN(ByteView row, NextCopiedRow());
    if (row.empty()) return session_->copied_rows;
    Status status = on_row(row);
    if (!status.ok()) {
      Close();
      return status;
    }
  }
}

Result<uint64_t> Connection::CopyIn(const std::string& sql, const NextPiece& next) {
  if (session_ == nullptr) return ClosedSession();
  PGconn* connection = session_->connection;
  ResultOwner begun = Begin(connection, sql);
  if (Libpq().PQresultStatus(begun.get()) != PGRES_COPY_IN) return session_->ErrorOf(begun.get());
  Status failed;
  bool sent = true;
  while (sent) {
    Result<ByteView> piece = next();
    if (!piece.ok()) failed = piece.status();
    if (!piece.ok() || piece->empty()) break;
    while (sent && !piece->empty()) {
      const ByteView part = piece->first(std::min(piece->size(), kPieceBytesMax));
      sent = Libpq().PQputCopyData(connection, AsText(part).data(),
                                   static_cast<int>(part.size())) == 1;
      *piece = piece->subspan(part.size());
    }
  }
  Libpq().PQputCopyEnd(connection, failed.ok() ? nullptr : "pgcairn could not read what to copy");
  ResultOwner ended = LastResult(connection);
  if (!failed.ok()) return failed;
  if (Libpq().PQresultStatus(ended.get()) != PGRES_COMMAND_OK) {
    return session_->ErrorOf(ended.get());
  }
  return RowsOf(ended.get());
}

}  // namespace pgcairn::postgres
