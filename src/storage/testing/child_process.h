// Running a piece of a test in a process of its own, which may set limits, filter its own system
// calls or be killed without harm to the test program.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace pgcairn::storage {

// Forks; the child runs `body` and ends. Returns its process id. Call it while no other thread
// runs.
pid_t StartChild(const std::function<void()>& body);

// Waits for the child; true when it ended by itself with 0.
bool EndedWell(pid_t child);

// Runs `body` in a child and returns what it returned, or a sentence that says how the child died.
std::string ResultOfChild(const std::function<std::string()>& body);

// From now on system call `number` fails with `error` in this process (seccomp; needs no
// privileges and cannot be undone: for children only). With `flags` only the calls whose third
// argument has all these bits. False when the filter could not be set.
bool FailSystemCall(long number, int error, unsigned flags = 0);

}  // namespace pgcairn::storage
