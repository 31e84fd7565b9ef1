// The configuration files that `init` writes.
#pragma once

#include <string>
#include <string_view>

namespace pgcairn::config {

// config/backup.config.json: the seed's keys with their defaults, every other key as a comment that
// only needs its slashes removed. `cluster_name` must be a valid name.
std::string ConfigTemplate(std::string_view cluster_name);

// config/retention.config.json.
std::string RetentionTemplate();

}  // namespace pgcairn::config
