// Who may do what with files, as their owners and modes say.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace pgcairn::commands {

struct OsUser {
  uid_t uid = 0;
  std::string name;           // "#1234" when the host knows no name
  std::vector<gid_t> groups;  // the primary one too
};

OsUser UserOf(uid_t uid);

// "/srv/key (mode 0600, owned by postgres)"; the path alone when it cannot be looked at.
std::string DescribeAccess(const std::string& path);

// Whether `user` may use `path` in all ways of `how` (a sum of R_OK, W_OK, X_OK of unistd.h) and
// may enter every folder above it. Access lists are not looked at: true and false hold only for
// files without one. False when `path` is not there.
bool MayUse(const OsUser& user, const std::string& path, int how);

}  // namespace pgcairn::commands
