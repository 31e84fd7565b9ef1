// Connections as text, in the two forms that libpq takes: "postgresql://user:password@host/db?..."
// and "host=... password='...'" (conninfo_uri_parse_options and conninfo_parse in PostgreSQL's
// src/interfaces/libpq/fe-connect.c). Nothing here connects.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace pgcairn::config {

// The connection with "***" in place of every password and other secret (password, sslpassword,
// oauth_client_secret, scram keys, whatever looks like one), fit for messages and logs. Text that
// libpq would not understand is cut rather than shown: a password with an unescaped '@', '/', space
// or quote stays hidden.
std::string RedactConnection(std::string_view connection);

// Whether RedactConnection hides anything.
bool ContainsPassword(std::string_view connection);

// OK when libpq would take the text apart: a URL of the scheme postgresql or postgres, or pairs
// key=value. Keywords are not checked: libpq's version decides which exist. Errors: kUsage, without
// the text.
Status ValidateConnection(std::string_view connection);

}  // namespace pgcairn::config
