// Starts a program that does not outlive this process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "util/result.h"

namespace pgcairn::postgres {

struct ChildProgram {
  std::vector<std::string> line;         // its path, and its arguments
  std::vector<std::string> environment;  // "NAME=value"; there is nothing else in it
  // Open files, which become its standard input, output and error; no other file is open in it.
  int input = -1;
  int output = -1;
  int errors = -1;
  // What it gets when the thread that starts it ends, and so when this process is killed.
  int death_signal = 0;
  // A session of its own: signals of the terminal are for us.
  bool own_session = false;
};

// Returns when it runs. It begins with no signal blocked, SIGPIPE, SIGCHLD and the death signal as
// usual, whatever the caller of this process ignores, and the umask 077. The caller waits for it,
// in a thread that lives until it has ended: to the kernel the thread is the parent
// (PR_SET_PDEATHSIG). Errors: kNotFound, kPermission and the like: it cannot be run.
Result<pid_t> StartChild(const ChildProgram& child);

}  // namespace pgcairn::postgres
