#include "config/settings.h"

#include <fmt/format.h>

#include "config/env_file.h"
#include "util/file.h"

namespace pgcairn::config {

const std::string& Settings::SourceOf(std::string_view key_path) const {
  static const std::string kDefault = "default";
  auto source = sources.find(key_path);
  return source == sources.end() ? kDefault : source->second;
}

Status Settings::RequireConnection() const {
  if (HasConnection()) return {};
  std::string file = config_file.empty() ? "" : fmt::format(" in {}", config_file);
  return Error{Code::kUsage,
               fmt::format("no connection to PostgreSQL is given: neither DATABASE_URL nor "
                           "SUPABASE_DB_URL nor cluster.connection nor PGHOST or PGSERVICE is set "
                           "(configuration: {})",
                           config_file.empty() ? "no file found" : config_file),
               fmt::format("set DATABASE_URL in the environment or in {}, or cluster.connection{}",
                           AbsolutePath(".env", base_directory), file)};
}

std::string ClusterNameProblem(std::string_view name) {
  constexpr size_t kLengthMax = 63;
  constexpr std::string_view kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name.empty()) return "the name is empty";
  if (name.size() > kLengthMax) {
    return fmt::format("the name has {} characters, {} are allowed", name.size(), kLengthMax);
  }
  if (name.front() == '.' || name.front() == '-') return "a name begins with neither . nor -";
  if (name.find_first_not_of(kCharacters) != std::string_view::npos) {
    return "a name holds only letters without accents, digits and . _ -";
  }
  return "";
}

}  // namespace pgcairn::config
