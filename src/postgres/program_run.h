// Runs one of PostgreSQL's programs beside us and takes what it writes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

struct ProgramRun {
  std::string program;                   // its path
  std::vector<std::string> arguments;    // no secret: every user of the machine can read them
  std::vector<std::string> environment;  // "NAME=value"; there is nothing else in it
};

// Runs it to its end; its standard input is empty. `on_output` gets what it writes to its standard
// output, piece by piece, each valid during the call; after an error of it the program is ended
// (SIGTERM, after five seconds SIGKILL). The program is gone when this returns, in every case. When
// this process is killed, the program gets SIGTERM.
//
// Errors: kNotFound, kPermission (it cannot be started), that of `on_output`, and kFailed with the
// last lines of its standard error when it did not end with 0.
using OnOutput = std::function<Status(ByteView piece)>;
Status RunProgram(const ProgramRun& run, const OnOutput& on_output);

}  // namespace pgcairn::postgres
