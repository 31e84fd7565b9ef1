// Where a restore puts each stream of a backup.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "repository/map/stream_list.h"

namespace pgcairn::commands {

struct StreamRoots {
  std::string data_directory;
  std::string config_directory;  // for configuration from outside
  // Of each tablespace of the manifest, by oid.
  std::map<uint32_t, std::string> tablespace_locations;

  // A file of a tablespace is named by its own disk and not by the link to it: an error must say
  // which disk is meant.
  std::string PathOf(const repository::StreamEntry& entry) const;
};

}  // namespace pgcairn::commands
