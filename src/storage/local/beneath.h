// Opening files below a directory without following symbolic links.
//
// A name inside a repository must lead into that repository: whoever can plant a link there must
// not make pgcairn read or write elsewhere. openat2(2) with RESOLVE_NO_SYMLINKS does it in one call
// (Linux 5.6); where it is missing or filtered, the path is walked one component at a time.
#pragma once

#include <string>

#include "util/file.h"

namespace pgcairn::storage {

// Opens `relative` ("" is the directory itself) below `directory_fd`, with `flags` and O_CLOEXEC;
// no files are created. On failure the descriptor is invalid and errno says why;
// a symbolic link anywhere in `relative` is ELOOP.
UniqueFd OpenBeneath(int directory_fd, const std::string& relative, int flags);

// The fallback of OpenBeneath, the same in behaviour.
UniqueFd WalkBeneath(int directory_fd, const std::string& relative, int flags);

}  // namespace pgcairn::storage
