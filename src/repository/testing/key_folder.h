// Key files of a test, and access keys that are made from them. Header only.
#pragma once

#include <string>
#include <utility>

#include "repository/keys/access_key.h"
#include "repository/keys/opened_root.h"
#include "storage/testing/scratch_directory.h"

namespace pgcairn::repository {

class KeyFolder {
 public:
  // The access key of that file, which is made when it is not there, as `init` does.
  NewAccessKey Key(const std::string& file) const {
    NewAccessKey key;
    key.pair = Pair(file);
    key.label = file;
    return key;
  }
  AccessKeyId Id(const std::string& file) const { return Pair(file).id; }
  std::string Path(const std::string& file) const { return scratch_.path() + "/" + file; }
  Credentials With(const std::string& file) const {
    Credentials credentials;
    credentials.key_file = Path(file);
    return credentials;
  }

 private:
  AccessKeyPair Pair(const std::string& file) const {
    Result<AccessKeyPair> pair = ReadKeyFile(Path(file));
    if (!pair.ok()) {
      pair = AccessKeyPair::Generate();
      CHECK(WriteKeyFile(Path(file), *pair).ok());
    }
    return std::move(pair).value();
  }

  storage::ScratchDirectory scratch_;
};

}  // namespace pgcairn::repository
