// What goes wrong between us and a server, as codes and advice.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace pgcairn::postgres {

// `text` as one line without control characters, for messages of several lines from libpq or the
// server.
std::string OneLine(std::string_view text);

// For a failed statement. Source: src/backend/utils/errcodes.txt.
Code CodeOfSqlState(std::string_view sql_state);

// Code and hint for a connection that could not be opened, from libpq's message. libpq gives no
// SQLSTATE here, so the words decide: libpq's own are always English (we never call setlocale),
// the server's follow its lc_messages; without a match the code is kConnection and there is no
// hint.
Error ConnectError(std::string_view libpq_message);

}  // namespace pgcairn::postgres
