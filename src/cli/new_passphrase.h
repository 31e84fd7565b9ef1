// Where a new passphrase comes from: never from the command line, which others can see.
#pragma once

#include <string>

#include "config/secret.h"
#include "util/result.h"

namespace pgcairn::cli {

// From `file` when it is not empty: its first line. Else from the variable
// BACKUP_ENCRYPTION_KEY_NEW, else asked for twice on the terminal of the process, without echo.
// kUsage: there is none of them, it is empty, or what was typed differs. kPermission: others can
// read the file. kCancelled: a signal ended the asking.
Result<config::Secret> ReadNewPassphrase(const std::string& file);

}  // namespace pgcairn::cli
