// What the exit status of pgcairn says.
#pragma once

#include <span>
#include <string_view>

#include "util/result.h"

namespace pgcairn::cli {

struct ExitCode {
  Code code;
  int status;
  std::string_view name;     // in JSON
  std::string_view meaning;  // one line
};

// Every code but "done", by status. Numbers never change their meaning.
std::span<const ExitCode> ExitCodes();

int StatusOf(Code code);
std::string_view NameOf(Code code);

// `wal fetch` answers PostgreSQL's recovery, which takes 1 to 125 for "there is no such file, the
// log ends here" and starts up without the rest. So only a file that is proven absent is 1, and
// everything else is 200 + StatusOf(code): PostgreSQL then stops, and nothing is lost.
// Source: RestoreArchivedFile in src/backend/access/transam/xlogarchive.c.
inline constexpr int kFetchFailureBase = 200;
int FetchStatusOf(Code code);

}  // namespace pgcairn::cli
