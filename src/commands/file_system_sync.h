// Makes much that was written durable at once, failed writes noticed.
#pragma once

#include <string>
#include <utility>

#include "util/file.h"
#include "util/result.h"

namespace pgcairn::commands {

// Begun before the first write: syncfs reports the failed writes of its file system since its
// descriptor was opened (syncfs(2), since Linux 5.8), and those that somebody else's sync was told
// of are known to no descriptor opened later. One call for a whole file system is faster than one
// for each of a million files.
// Not for two threads at once.
class FileSystemSync {
 public:
  // Where `directory`, an absolute path, does not exist yet, it stands for the nearest of its
  // parents that does: what is made below lies on the same file system. One that may be entered and
  // written but not read cannot be opened: then failed writes count from Finish on.
  static Result<FileSystemSync> Begin(const std::string& directory);

  // When this returns OK, all that was written there since Begin is durable, directories included.
  // Waits for what others wrote there, too. May be called again, for what was written since.
  Status Finish();

 private:
  FileSystemSync(UniqueFd fd, std::string directory)
      : fd_(std::move(fd)), directory_(std::move(directory)) {}

  UniqueFd fd_;
  std::string directory_;
};

}  // namespace pgcairn::commands
