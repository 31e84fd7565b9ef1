// Changes who can open a cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/secret.h"
#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

struct KeyChangeReport {
  std::string cluster;
  uint32_t generation = 0;
  uint32_t epoch = 0;
  std::vector<std::string> added;  // ids
  std::vector<std::string> removed;
  std::vector<std::string> keys;  // of all that open the cluster now
  std::string key_file;           // that AddKey made or took; else empty
  bool key_file_created = false;
};

struct KeyAddOptions {
  // One of these three.
  std::string key_file;       // absolute; is made when it is not there
  config::Secret passphrase;  // not empty
  bool recovery_sheet = false;
  std::string label;  // empty: by the kind
  // Called with the recovery sheet, which holds a secret, before the key comes into force.
  std::function<void(const std::string& sheet)> show_recovery_sheet = [](const std::string&) {};
};

struct KeyRotateOptions {
  config::Secret passphrase;  // takes the place of one; empty: all access keys stay
  std::string replaced;       // which one, by its id; empty: the only one, or the one in use
};

// All of them start a new root, epoch and data key; nothing that is stored is encrypted again, and
// all of it stays readable. What they share of errors: kWrongKey, kPermission (no key opens the
// cluster), kRefused (it is not encrypted), kDamaged (an access key that would stay is), and
// kAlreadyExists (another run changes the keys at the same time). Safe beside every other command,
// on any host, and when it is killed: the old keys are in force, or the new ones.

// kAlreadyExists: that key file opens the cluster already.
Result<KeyChangeReport> AddKey(const config::Settings& settings, const KeyAddOptions& options);

// `ids`: whole, or the digits that tell one from the others. kNotFound: no such access key.
// kRefused: it is the last one; or the one that this command opens the cluster with, unless
// `even_mine`.
Result<KeyChangeReport> RemoveKeys(const config::Settings& settings,
                                   const std::vector<std::string>& ids, bool even_mine);

// kUsage: there is no passphrase that a new one could replace, or more than one.
Result<KeyChangeReport> RotateKeys(const config::Settings& settings,
                                   const KeyRotateOptions& options);

}  // namespace pgcairn::commands
