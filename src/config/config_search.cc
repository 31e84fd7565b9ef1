#include "config/config_search.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "util/file.h"

namespace pgcairn::config {
namespace {

constexpr std::string_view kFileName = "backup.config.json";

enum class Kind { kAbsent, kFile, kDirectory };

struct NamedPlace {
  std::string path;
  // How the user named it: "--config" or "PGCAIRN_CONFIG".
  std::string by;
};

std::optional<NamedPlace> Named(const LoadOptions& options) {
  if (options.config_path) {
    return NamedPlace{AbsolutePath(*options.config_path, options.working_directory), "--config"};
  }
  auto variable = options.environment.find("PGCAIRN_CONFIG");
  if (variable == options.environment.end() || variable->second.empty()) return std::nullopt;
  return NamedPlace{AbsolutePath(variable->second, options.working_directory), "PGCAIRN_CONFIG"};
}

// A broken link counts as a file: reading it fails with its name, where passing over it would
// silently take another configuration.
Result<Kind> KindOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0)
    return S_ISDIR(info.st_mode) ? Kind::kDirectory : Kind::kFile;
  if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    return ErrnoError(errno, "looking for the configuration", path);
  }
  return ::lstat(path.c_str(), &info) == 0 ? Kind::kFile : Kind::kAbsent;
}

ConfigPlace PlaceOf(const std::string& file) {
  std::string folder = DirectoryOf(file);
  return {file, FileNameOf(folder) == "config" ? DirectoryOf(folder) : folder};
}

// The first of the two places for the file below `folder`; nothing when neither has it.
Result<std::optional<ConfigPlace>> InFolder(const std::string& folder) {
  for (const std::string& file : {AbsolutePath(kFileName, folder),
                                  AbsolutePath(fmt::format("config/{}", kFileName), folder)}) {
    ASSIGN_OR_RETURN(Kind kind, KindOf(file));
    if (kind != Kind::kAbsent) return std::optional(PlaceOf(file));
  }
  return std::optional<ConfigPlace>();
}

}  // namespace

Result<ConfigPlace> FindConfig(const LoadOptions& options) {
  CHECK(options.working_directory.starts_with('/'));
  if (std::optional<NamedPlace> named = Named(options)) {
    ASSIGN_OR_RETURN(Kind kind, KindOf(named->path));
    if (kind == Kind::kFile) return PlaceOf(named->path);
    std::string missing = fmt::format("{} names {}, which does not exist", named->by, named->path);
    if (kind == Kind::kDirectory) {
      ASSIGN_OR_RETURN(std::optional<ConfigPlace> place, InFolder(named->path));
      if (place) return *place;
      missing = fmt::format("{} names the folder {}, which holds neither {} nor config/{}",
                            named->by, named->path, kFileName, kFileName);
    }
    return Error{Code::kUsage, missing,
                 "name the file backup.config.json or its folder; pgcairn init creates one"};
  }
  std::string local = AbsolutePath(fmt::format("config/{}", kFileName), options.working_directory);
  ASSIGN_OR_RETURN(Kind kind, KindOf(local));
  if (kind != Kind::kAbsent) return PlaceOf(local);
  ASSIGN_OR_RETURN(std::optional<ConfigPlace> place, InFolder(options.system_directory));
  if (place) return *place;
  return ConfigPlace{"", AbsolutePath(".", options.working_directory)};
}

std::string PlaceForNewConfig(const LoadOptions& options) {
  std::optional<NamedPlace> named = Named(options);
  std::string folder = named ? named->path : AbsolutePath(".", options.working_directory);
  if (folder.ends_with(".json")) return folder;
  bool is_config = named && FileNameOf(folder) == "config";
  return AbsolutePath(is_config ? std::string(kFileName) : fmt::format("config/{}", kFileName),
                      folder);
}

}  // namespace pgcairn::config
