// A storage in a directory of the host (also one mounted from elsewhere, by NFS for example).
//
// One file per object, at <root>/<name>. Files are 0600 and directories 0700 whatever the umask.
// Symbolic links below the root are not followed and not listed (kRefused); the root itself may be
// one. Puts need O_TMPFILE and links, or links, or renameat2(RENAME_NOREPLACE), see
// local/publish.h; a filesystem with none of them is kUnsupported. Directories are never removed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "storage/local/durable_directories.h"
#include "storage/local/publish.h"
#include "storage/storage.h"
#include "util/file.h"

namespace pgcairn::storage {

// Of the filesystem of the root.
struct Space {
  uint64_t free_bytes = 0;  // what an ordinary user can still fill
  uint64_t total_bytes = 0;
};

class LocalStorage : public Storage {
 public:
  // `root` must be a directory; else kNotFound. `first_method` is for tests of the fallbacks.
  static Result<std::unique_ptr<LocalStorage>> Open(
      std::string root, PublishMethod first_method = PublishMethod::kUnnamedLink);
  // Open after making `root` and its missing parents, durably. One that exists keeps its content
  // and its mode.
  static Result<std::unique_ptr<LocalStorage>> Create(std::string root);

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;
  Status Delete(std::string_view name) override;
  std::string Describe() const override;

  // Removes the temporary files of puts that died, when they were last written at least `age` ago
  // by the filesystem's clock; returns how many. `age` must be an hour or more. A put that is still
  // running after such a time fails with kStorage and leaves nothing: no harm is possible.
  Result<uint64_t> RemoveStaleTemporaries(std::chrono::hours age);

  Result<Space> FreeSpace() const;

 private:
  LocalStorage(UniqueFd root_fd, std::string root, PublishMethod first_method);

  struct OpenObject {
    UniqueFd fd;
    ObjectInfo info;
  };
  // Opens an object with O_RDONLY or O_PATH.
  Result<OpenObject> OpenForReading(std::string_view name, int flags) const;
  // What ENOENT means: kNotFound while the root is there, else kStorage.
  Error AbsentError(std::string_view doing, std::string_view path) const;
  std::string PathOf(std::string_view name) const;

  const UniqueFd root_fd_;
  const std::string root_;
  DurableDirectories directories_;
  FilePublisher publisher_;
};

}  // namespace pgcairn::storage
