// A file or folder that has its name only when it is whole.
#pragma once

#include <sys/types.h>

#include <string>

#include "util/file.h"
#include "util/result.h"

namespace pgcairn {

// Lies beside the name that it will have, under one that begins with a dot, and is removed with all
// that is in it when this object goes before Publish. A killed process leaves it behind.
class NewPath {
 public:
  enum class Kind { kFile, kFolder };

  // Makes it, empty, for its owner alone (0600, 0700). kAlreadyExists: something has the name.
  // kNotFound: the folder above is not there. kPermission, kNoSpace, kStorage.
  static Result<NewPath> Make(const std::string& path, Kind kind);

  NewPath(NewPath&& other) noexcept;
  NewPath& operator=(NewPath&&) = delete;
  ~NewPath();

  // Where to write until then.
  const std::string& temporary() const { return temporary_; }

  // What was written is durable and has its name when this returns OK; of a folder, the caller made
  // what is in its files durable. kAlreadyExists: something got the name meanwhile, and keeps it.
  Status Publish();

 private:
  NewPath(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}

  std::string path_;
  std::string temporary_;  // empty once it has its name
};

}  // namespace pgcairn
