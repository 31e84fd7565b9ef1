#include "commands/stream_roots.h"

#include <fmt/format.h>

#include <string_view>

namespace pgcairn::commands {

std::string StreamRoots::PathOf(const repository::StreamEntry& entry) const {
  constexpr std::string_view kTablespaces = "pg_tblspc/";
  if (entry.root == repository::StreamRoot::kExternalConfig) {
    return config_directory + "/" + entry.path;
  }
  if (entry.path.starts_with(kTablespaces)) {
    for (const auto& [oid, location] : tablespace_locations) {
      std::string link = fmt::format("{}{}/", kTablespaces, oid);
      if (entry.path.starts_with(link)) return location + entry.path.substr(link.size() - 1);
    }
  }
  return data_directory + "/" + entry.path;
}

}  // namespace pgcairn::commands
