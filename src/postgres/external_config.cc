#include "postgres/external_config.h"

#include <dirent.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

constexpr std::string_view kPemPrivateKey = "PRIVATE KEY-----";

struct CloseListing {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// The directory with its links resolved; as it stands when that fails.
std::string RealDirectory(const std::string& directory) {
  std::unique_ptr<char, decltype(&::free)> real(::realpath(directory.c_str(), nullptr), &::free);
  return real ? std::string(real.get()) : directory;
}

// The neighbours of a configuration file in "/" or "/etc" are the machine's, not the server's.
bool IsServersOwnDirectory(std::string_view directory) {
  return std::count(directory.begin(), directory.end(), '/') >= 2;
}

bool NamesAKey(const std::string& path, uint32_t mode) {
  std::string name = FileNameOf(path);
  if (name.ends_with(".key")) return true;
  return (mode & 077U) == 0 && name.find("key") != std::string::npos;
}

class Collector {
 public:
  explicit Collector(const ExternalConfigPaths& paths)
      : paths_(paths), real_data_directory_(RealDirectory(paths.data_directory)) {}

  Result<ExternalConfig> Run();

 private:
  void Note(std::string note) { config_.notes.push_back(std::move(note)); }
  bool IsOutside(const std::string& path) const;
  Status AddDirectory(const std::string& directory);
  // `named`: the server reads it, so that a backup without it would be a lesser one.
  Status AddFile(const std::string& path, bool named);

  const ExternalConfigPaths& paths_;
  const std::string real_data_directory_;
  std::set<std::string> seen_;
  uint64_t size_total_ = 0;
  ExternalConfig config_;
};

Result<ExternalConfig> Collector::Run() {
  std::vector<std::string> named = {paths_.config_file, paths_.hba_file, paths_.ident_file};
  named.insert(named.end(), paths_.included_files.begin(), paths_.included_files.end());
  for (const std::string& path : named) {
    if (path.empty() || !IsOutside(path)) continue;
    RETURN_IF_ERROR(AddFile(path, true));
  }
  if (!paths_.config_file.empty() && IsOutside(paths_.config_file)) {
    std::string directory = DirectoryOf(paths_.config_file);
    if (IsServersOwnDirectory(directory)) {
      RETURN_IF_ERROR(AddDirectory(directory));
      RETURN_IF_ERROR(AddDirectory(directory + "/conf.d"));
    }
  }
  std::sort(config_.files.begin(), config_.files.end(),
            [](const ExternalFile& a, const ExternalFile& b) { return a.path < b.path; });
  return std::move(config_);
}

bool Collector::IsOutside(const std::string& path) const {
  return !(RealDirectory(DirectoryOf(path)) + "/").starts_with(real_data_directory_ + "/");
}

Status Collector::AddDirectory(const std::string& directory) {
  std::unique_ptr<DIR, CloseListing> stream(::opendir(directory.c_str()));
  if (!stream) {
    if (errno != ENOENT && errno != ENOTDIR) {
      Note(ErrnoError(errno, "listing", directory).message + ": its files are left out");
    }
    return {};
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string path = fmt::format("{}/{}", directory, name);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || !IsOutside(path)) continue;
    RETURN_IF_ERROR(AddFile(path, false));
  }
  return {};
}

Status Collector::AddFile(const std::string& path, bool named) {
  std::string clean = AbsolutePath(path, paths_.data_directory);
  if (!seen_.insert(clean).second) return {};
  struct stat info {};
  if (::stat(clean.c_str(), &info) != 0) {
    if (errno == EACCES) return ErrnoError(errno, "reading", clean);
    Note(fmt::format("{} does not exist: left out", clean));
    return {};
  }
  uint32_t mode = info.st_mode & 07777U;
  if (!S_ISREG(info.st_mode)) {
    Note(fmt::format("{} is no ordinary file: left out", clean));
    return {};
  }
  if (NamesAKey(clean, mode)) {
    Note(fmt::format("{} looks like a private key: left out", clean));
    return {};
  }
  auto size = static_cast<uint64_t>(info.st_size);
  if (size > kExternalFileSizeMax || size_total_ + size > kExternalConfigSizeMax) {
    Note(fmt::format("{} has {} bytes, too many for a configuration file: left out", clean, size));
    return {};
  }
  Result<Bytes> content = ReadFile(clean, kExternalFileSizeMax);
  if (!content.ok()) {
    if (named) return content.status();
    Note(content.error().message + ": left out");
    return {};
  }
  if (AsText(*content).find(kPemPrivateKey) != std::string_view::npos) {
    Note(fmt::format("{} contains a private key: left out", clean));
    return {};
  }
  size_total_ += content->size();
  config_.files.push_back({clean, clean.substr(1), std::move(content).value(), mode});
  return {};
}

}  // namespace

Result<ExternalConfig> CollectExternalConfig(const ExternalConfigPaths& paths) {
  return Collector(paths).Run();
}

}  // namespace pgcairn::postgres
