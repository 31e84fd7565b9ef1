// Making the directories of object names so that an object in them survives a crash.
//
// A directory entry is durable after an fsync of the directory that holds it. Whoever makes a
// directory fsyncs its parent before putting anything into it; so a directory that holds a name is
// durable itself, and so are all above it. One that exists and is empty may be the work of a
// process that died between the two steps: then the fsync is done again. This makes the usual case
// (the directory is there and in use) cost one getdents call for the first put of a process, and
// nothing after that.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

#include "util/file.h"
#include "util/result.h"

namespace pgcairn::storage {

// Safe for many threads and processes at once.
class DurableDirectories {
 public:
  // `root_fd` (which must outlive this) is an open directory, `root` its path for messages.
  DurableDirectories(int root_fd, std::string root) : root_fd_(root_fd), root_(std::move(root)) {}

  // Opens `directory` ("" is the root), made with its parents (0700 whatever the umask) when it is
  // absent. OK: it is durable.
  Result<UniqueFd> OpenOrMake(const std::string& directory);

 private:
  Result<UniqueFd> MakeEach(const std::string& directory);
  Status FsyncParent(const std::string& directory);
  bool IsProven(const std::string& directory);
  void SetProven(const std::string& directory);
  std::string PathOf(const std::string& relative) const;

  const int root_fd_;
  const std::string root_;
  std::mutex mutex_;
  std::unordered_set<std::string> proven_;
};

// Makes `path` with its missing parents (0700 whatever the umask), durably. OK also when it is
// there already; an existing one keeps its mode. kUsage: it is there and is not a directory.
Status MakeRootDirectory(const std::string& path);

}  // namespace pgcairn::storage
