// Reads connection strings before libpq does, so that no password can end up in a message.
//
// libpq quotes what it cannot read, and reads "postgresql://me:my@word@host" as a password "my" for
// the host "word@host". Such strings are refused here, without a quotation.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::postgres {

struct ConnectionString {
  std::string text;  // without white space around it
  std::string password;
  // Settings may come from a service file, so libpq must be left to find them.
  bool names_service = false;
};

// Errors: kUsage, which never holds a part of the string.
Result<ConnectionString> ParseConnectionString(const std::string& conninfo);

// The same server and role and another of its databases, as key=value text, which holds the
// password that `conninfo` holds.
Result<std::string> WithDatabase(const std::string& conninfo, const std::string& database);

}  // namespace pgcairn::postgres
