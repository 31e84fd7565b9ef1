// archive_command and restore_command.
#pragma once

#include <cstddef>
#include <string>

#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

// How many threads work at one segment: with more than a few, hashing it takes longest.
size_t WalThreads(const config::Settings& settings);

// Archives the file at `path` (%p: relative to the working directory, which is the data directory).
// When this returns OK the file is durable in the repository: PostgreSQL may recycle it.
// Errors: kRefused (another server's WAL; the name is archived with other content), kDamaged (not
// the WAL file that its name says), kNotFound, kNoSpace, kStorage, kWrongKey.
Status WalPush(const config::Settings& settings, const std::string& path);

// Writes the archived file `name` (%f) to `destination` (%p), whole and proven, in one step.
// kNotFound: proven absent from the archive; every other failure has another code.
Status WalFetch(const config::Settings& settings, const std::string& name,
                const std::string& destination);

}  // namespace pgcairn::commands
