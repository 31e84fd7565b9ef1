// Records the system calls on which durability depends, in the order in which they are made.
//
// The test program replaces fsync, mkdirat, linkat, renameat2, unlinkat, writev and getdents64 of
// the C library by versions that note the call and make it; so a test can prove that the bytes are
// made durable before the name, and the name before the answer.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace pgcairn::storage {

// What `body` does below `root`: "mkdir a", "write FILE", "fsync FILE" (FILE stands for a file that
// has no name or a temporary one), "link FILE a/x", "rename FILE a/x", "unlink a/x", "fsync a",
// "peek a" (getdents64; readdir is not seen); the root itself is ".". `body` must not use other
// threads.
std::vector<std::string> CallsBelow(const std::string& root, const std::function<void()>& body);

// While `body` runs, each writev of this thread writes at most `bytes_max` bytes, as the kernel
// may.
void WithShortWrites(size_t bytes_max, const std::function<void()>& body);

}  // namespace pgcairn::storage
