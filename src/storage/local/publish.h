// Giving a file its final name in one step, only if that name is free.
//
// Three ways, tried in this order until one works on the filesystem:
//   kUnnamedLink  O_TMPFILE, fsync, link to the name. A crash leaves nothing behind.
//   kNamedLink    a temporary name (".tmp-" and 16 hex digits), fsync, link, unlink.
//   kRename       the same with renameat2(RENAME_NOREPLACE), for filesystems without links.
// Plain rename is never used: it overwrites. Measured on ext4 (200 kB objects, one and four
// writers, time per put): kUnnamedLink 0.6-3.0 ms, kNamedLink 0.7-4.4 ms, kRename 0.8-4.3 ms; with
// 16 MiB objects the three are alike. In every way the bytes are durable before the name exists, so
// that no crash can leave a partial object.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::storage {

enum class PublishMethod { kUnnamedLink, kNamedLink, kRename };

// Safe for many threads at once.
class FilePublisher {
 public:
  // `first`: the way to begin with; the later ones are its fallbacks.
  explicit FilePublisher(PublishMethod first) : method_(first) {}

  // Makes `leaf`, mode 0600 whatever the umask, in the open directory; `path` (of the final file)
  // is for messages. OK: content and name are durable. kAlreadyExists: the name was taken and is
  // durable too. kNoSpace; kUnsupported: no way works here. On an error no temporary stays.
  Status Publish(int directory_fd, const std::string& leaf, const std::string& path,
                 std::span<const ByteView> parts);

 private:
  std::atomic<PublishMethod> method_;
};

// kAlreadyExists for the final file `path` in the open directory, after an fsync of the directory:
// the name may be the work of a process that died before its own, and whoever is told "already
// exists" may rely on it.
Status NameTaken(int directory_fd, const std::string& path);

// True for the temporary names that kNamedLink and kRename use.
bool IsTemporaryName(std::string_view leaf);

// A fresh temporary name.
std::string NewTemporaryName();

// The error for a failed step of a put. The codes that mean something to the caller of a put
// (found, not found) are left to those who know; a file size limit counts as kNoSpace.
Error PutError(int saved_errno, std::string_view doing, std::string_view path);

// fsync of an open directory. A filesystem that cannot (EINVAL) is kUnsupported: a put could not
// promise that the name survives.
Status FsyncOpenDirectory(int directory_fd, std::string_view path);

}  // namespace pgcairn::storage
