// The keys of the two JSON files: type, range and the setting that each fills.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/json_file.h"
#include "config/problems.h"
#include "config/settings.h"

namespace pgcairn::config {

struct IntegerKey {
  int64_t* to;
  int64_t min;
  int64_t max;
};
struct FlagKey {
  bool* to;
};
struct PathKey {
  std::string* to;
};
struct CronKey {
  std::string* to;
};
struct ClusterNameKey {
  std::string* to;
};
struct ConnectionKey {
  Secret* to;
};
struct ChoiceKey {
  std::vector<std::string> allowed;
  // Takes the place in `allowed`.
  std::function<void(size_t)> set;
};
struct ChoiceListKey {
  std::vector<std::string> allowed;
  std::vector<std::string>* to;
};

struct Key {
  std::string path;
  std::variant<IntegerKey, FlagKey, PathKey, CronKey, ClusterNameKey, ConnectionKey, ChoiceKey,
               ChoiceListKey>
      kind;
};

// The keys of backup.config.json and of retention.config.json, bound to `settings`, which must
// outlive them.
std::vector<Key> BackupKeys(Settings& settings);
std::vector<Key> RetentionKeys(Settings& settings);

// Why a text cannot be a path here ("~" and variables are not expanded); empty when it can.
std::string PathProblem(std::string_view path);

// Stores every member of `document` in the setting it is bound to and its source in `sources`.
// Unknown keys, wrong types and values out of range go to `problems`. `elsewhere` are the keys of
// the other file, whose name is `elsewhere_name`.
void ApplyDocument(const JsonValue& document, const std::string& file, const std::vector<Key>& keys,
                   const std::vector<Key>& elsewhere, std::string_view elsewhere_name,
                   std::map<std::string, std::string, std::less<>>& sources, Problems& problems);

}  // namespace pgcairn::config
