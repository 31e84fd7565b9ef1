#include "cli/startup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "cli/log_file.h"
#include "commands/process.h"
#include "util/file.h"
#include "util/log.h"
#include "util/shell_quoting.h"

namespace pgcairn::cli {
namespace {

bool standard_output_was_closed = false;

struct User {
  std::string name;
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;
};

User ToUser(const struct passwd& entry) {
  return {entry.pw_name, entry.pw_dir, entry.pw_uid, entry.pw_gid};
}

std::optional<User> FindUser(const std::string& name) {
  struct passwd entry {};
  struct passwd* found = nullptr;
  char buffer[4096];
  if (::getpwnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return ToUser(entry);
}

std::optional<User> OwnerOf(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0 || info.st_uid == 0) return std::nullopt;
  struct passwd entry {};
  struct passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(info.st_uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) {
    return ToUser(entry);
  }
  return User{fmt::format("#{}", info.st_uid), "/", info.st_uid, info.st_gid};
}

// As the command line says. `init` may name a place without a configuration, for it makes one: then
// as if that folder were the working directory of a start without --config.
config::LoadOptions OptionsFor(const GlobalOptions& options, bool for_init) {
  config::LoadOptions load = ToLoadOptions(options);
  if (!for_init || config::FindConfig(load).ok()) return load;
  std::string folder = DirectoryOf(config::PlaceForNewConfig(load));
  if (FileNameOf(folder) == "config") folder = DirectoryOf(folder);
  config::LoadOptions bare = load;
  bare.config_path.reset();
  bare.environment.erase("PGCAIRN_CONFIG");
  bare.working_directory = folder;
  bare.system_directory = folder;
  Result<config::ConfigPlace> place = config::FindConfig(bare);
  // Another configuration there is not the one that was named.
  return place.ok() && place->config_file.empty() ? bare : load;
}

// Started as root, an error about root's own .env names what makes it the user's: to close it, or
// to run as somebody else, would not be enough.
Error WithEnvFileRemedy(Error error, const config::LoadOptions& load, std::string_view user) {
  Result<config::ConfigPlace> place = config::FindConfig(load);
  if (!place.ok()) return error;
  std::string path = place->base_directory + "/.env";
  struct stat info {};
  bool roots = ::stat(path.c_str(), &info) == 0 && info.st_uid == 0;
  bool means_it = error.code == Code::kPermission && error.message.find(path) != std::string::npos;
  if (!roots || !means_it) return error;
  // A user without a name is "#" and the number.
  user.remove_prefix(user.starts_with('#') ? 1 : 0);
  std::string word = QuoteForShell(path);
  error.hint = fmt::format("run: chown {} {} && chmod 600 {}", user, word, word);
  return error;
}

Result<User> UserToBecome(const GlobalOptions& options, const config::LoadOptions& load) {
  if (!options.owner.empty()) {
    std::optional<User> named = FindUser(options.owner);
    if (named) return *named;
    return Error{Code::kUsage, fmt::format("there is no user \"{}\"", options.owner),
                 "name an existing user with --owner"};
  }
  ASSIGN_OR_RETURN(config::ConfigPlace place, config::FindConfig(load));
  if (auto owner = OwnerOf(place.config_file)) return *owner;
  Result<config::Settings> settings = config::Load(load);
  if (!settings.ok()) return WithEnvFileRemedy(settings.error(), load, "postgres");
  if (auto owner = OwnerOf(settings->cluster.data_directory)) return *owner;
  if (auto owner = OwnerOf(settings->storage.local_path)) return *owner;
  if (auto postgres = FindUser("postgres")) return *postgres;
  return Error{Code::kUsage, "pgcairn does not run as root, and there is no user \"postgres\"",
               "name the user that owns the data directory with --owner"};
}

Status Become(const User& user) {
  bool done = ::initgroups(user.name.c_str(), user.gid) == 0 && ::setgid(user.gid) == 0 &&
              ::setuid(user.uid) == 0;
  if (!done) return ErrnoError(errno, "becoming the user", user.name);
  ::setenv("HOME", user.home.c_str(), 1);
  // A change of user makes core dumps possible again.
  Harden();
  return {};
}

Status CloseEnvFile(const config::LoadOptions& load) {
  ASSIGN_OR_RETURN(config::ConfigPlace place, config::FindConfig(load));
  std::string path = place.base_directory + "/.env";
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return {};
  if (::chmod(path.c_str(), 0600) != 0) return ErrnoError(errno, "closing to others", path);
  LogInfo("{} could be read by others: its mode is now 0600", path);
  return {};
}

Status LeaveRoot(const GlobalOptions& options, const config::LoadOptions& load,
                 std::string* became) {
  if (::geteuid() != 0) return {};
  ASSIGN_OR_RETURN(User user, UserToBecome(options, load));
  if (user.uid == 0) {
    return Error{Code::kRefused, "pgcairn does not run as root",
                 "name the user that owns the data directory with --owner"};
  }
  LogInfo("Started as root: going on as {}", user.name);
  *became = user.name;
  return Become(user);
}

Result<config::Settings> LoadSettings(const config::LoadOptions& load, bool for_init) {
  if (for_init) RETURN_IF_ERROR(CloseEnvFile(load));
  return config::Load(load);
}

Status SetLogLevelFrom(const std::string& name) {
  if (name == "debug") SetLogLevel(LogLevel::kDebug);
  if (name == "warning") SetLogLevel(LogLevel::kWarning);
  if (name == "error") SetLogLevel(LogLevel::kError);
  return {};
}

}  // namespace

config::LoadOptions ToLoadOptions(const GlobalOptions& options) {
  config::LoadOptions load;
  if (!options.config.empty()) load.config_path = options.config;
  if (!options.cluster.empty()) load.cluster = options.cluster;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    load.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::error_code error;
  load.working_directory = std::filesystem::current_path(error).string();
  if (error) load.working_directory = "/";
  return load;
}

bool StandardOutputWasClosed() { return standard_output_was_closed; }

void OpenStandardFiles() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const bool closed = ::fcntl(fd, F_GETFD) < 0 && errno == EBADF;
    if (closed && fd == STDOUT_FILENO) standard_output_was_closed = true;
    // The lowest number that is free, which is this one.
    if (closed && ::open("/dev/null", O_RDWR) != fd) std::abort();
  }
}

void Harden() {
  ::umask(077);
  commands::ForbidCoreDumps();
}

Result<config::Settings> Prepare(const GlobalOptions& options, bool for_init) {
  RETURN_IF_ERROR(SetLogLevelFrom(options.log_level));
  config::LoadOptions load = OptionsFor(options, for_init);
  std::string became;
  RETURN_IF_ERROR(LeaveRoot(options, load, &became));
  Result<config::Settings> loaded = LoadSettings(load, for_init);
  if (!loaded.ok() && !became.empty()) return WithEnvFileRemedy(loaded.error(), load, became);
  RETURN_IF_ERROR(loaded);
  config::Settings settings = *std::move(loaded);
  for (const config::LibpqVariable& variable : settings.libpq_variables) {
    ::setenv(variable.name.c_str(), variable.value.RevealCString(), 0);
  }
  BeginLog(settings, options.log_runs_at, options.command_line);
  return settings;
}

}  // namespace pgcairn::cli
