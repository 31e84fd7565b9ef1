// Configuration files as text, together with who may read them.
#pragma once

#include <sys/stat.h>

#include <string>

#include "util/result.h"

namespace pgcairn::config {

struct TextFile {
  std::string path;
  std::string text;
  // Of the very file that was read, not of what the path names later.
  uid_t owner = 0;
  mode_t mode = 0;
};

// At most 1 MiB. Errors: kNotFound, kPermission, kStorage (a directory, too long, a NUL byte in
// it).
Result<TextFile> ReadTextFile(const std::string& path);

// Refuses (kPermission) a file with a secret that its group or others can read, write or run, with
// the chmod line as hint, or that belongs to somebody else than `user` and root, with the chown
// line. Root trusts every owner: it reads the files of the user whose server it backs up. `what`
// names the secret: "BACKUP_ENCRYPTION_KEY".
Status CheckPrivate(const TextFile& file, const std::string& what, uid_t user);

}  // namespace pgcairn::config
