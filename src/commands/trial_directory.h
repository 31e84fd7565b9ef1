// A directory for a trial restore, and the removal of those that killed trials left behind.
#pragma once

#include <string>

#include "util/file.h"
#include "util/result.h"

namespace pgcairn::commands {

// Locked (flock) while this object lives, and removed with all that is in it when it goes. A killed
// process leaves its directory behind, but not its lock.
class TrialDirectory {
 public:
  // A new directory below `parent`, 0700; `parent` is made when absent. First removes those below
  // `parent` that trials of the same user on this host left behind, and stops the servers that
  // still run in them; one that cannot be removed is a warning. Errors: kPermission, kNoSpace,
  // kStorage.
  static Result<TrialDirectory> Make(const std::string& parent);

  TrialDirectory(TrialDirectory&& other) noexcept;
  TrialDirectory& operator=(TrialDirectory&&) = delete;
  ~TrialDirectory();

  const std::string& path() const { return path_; }

 private:
  TrialDirectory(std::string path, UniqueFd lock);

  std::string path_;
  UniqueFd lock_;
};

// Stops the server that runs in a trial's directory, and removes the directory, also while somebody
// still writes there.
void DiscardTrial(const std::string& path);

}  // namespace pgcairn::commands
