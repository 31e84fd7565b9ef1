#include "storage/local/publish.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <utility>

#include "util/file.h"

namespace pgcairn::storage {
namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr size_t kTemporaryDigits = 16;
constexpr mode_t kFileMode = 0600;

// Removes a temporary name unless it was published.
class TemporaryName {
 public:
  explicit TemporaryName(int directory_fd)
      : directory_fd_(directory_fd), leaf_(NewTemporaryName()) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() { Remove(); }

  const char* leaf() const { return leaf_.c_str(); }
  void Gone() { leaf_.clear(); }
  void Remove() {
    if (!leaf_.empty()) ::unlinkat(directory_fd_, leaf_.c_str(), 0);
    leaf_.clear();
  }

 private:
  const int directory_fd_;
  std::string leaf_;
};

bool MeansNoSuchAbility(int saved_errno) {
  return saved_errno == EPERM || saved_errno == EOPNOTSUPP || saved_errno == ENOSYS ||
         saved_errno == EMLINK || saved_errno == EINVAL;
}

// Fills `batch` with what is left after `index` parts and `offset` bytes of the next one.
size_t FillBatch(std::span<const ByteView> parts, size_t index, size_t offset,
                 std::span<iovec> batch) {
  size_t count = 0;
  for (; index < parts.size() && count < batch.size(); ++index, offset = 0) {
    if (parts[index].size() == offset) continue;
    batch[count].iov_base = const_cast<uint8_t*>(parts[index].data() + offset);
    batch[count].iov_len = parts[index].size() - offset;
    ++count;
  }
  return count;
}

// Steps over `written` bytes.
void Advance(std::span<const ByteView> parts, size_t& index, size_t& offset, size_t written) {
  while (index < parts.size()) {
    size_t step = std::min(written, parts[index].size() - offset);
    offset += step;
    written -= step;
    if (offset < parts[index].size()) return;
    ++index;
    offset = 0;
  }
}

Status WriteParts(int fd, std::span<const ByteView> parts, const std::string& path) {
  std::array<iovec, 256> batch;
  static_assert(batch.size() <= IOV_MAX);
  size_t index = 0;
  size_t offset = 0;
  for (;;) {
    size_t count = FillBatch(parts, index, offset, batch);
    if (count == 0) return {};
    ssize_t written = ::writev(fd, batch.data(), static_cast<int>(count));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return PutError(errno, "writing", path);
    // Nothing written and no reason given: a full device on some network filesystems.
    if (written == 0) return PutError(ENOSPC, "writing", path);
    Advance(parts, index, offset, static_cast<size_t>(written));
  }
}

Status FillFile(int fd, std::span<const ByteView> parts, const std::string& path) {
  // A umask that takes the owner's own rights away would leave a file that cannot be read again.
  if (::fchmod(fd, kFileMode) != 0) return PutError(errno, "setting the mode of", path);
  RETURN_IF_ERROR(WriteParts(fd, parts, path));
  if (::fsync(fd) != 0) return PutError(errno, "making durable", path);
  return {};
}

// Nothing: this way does not work here.
std::optional<Status> PublishUnnamed(int directory_fd, const std::string& leaf,
                                     const std::string& path, std::span<const ByteView> parts) {
  UniqueFd fd(::openat(directory_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, kFileMode));
  if (!fd.valid()) {
    // EISDIR and ENOENT come from kernels and filesystems that do not know O_TMPFILE.
    if (MeansNoSuchAbility(errno) || errno == EISDIR || errno == ENOENT) return std::nullopt;
    return Status(PutError(errno, "creating a temporary file for", path));
  }
  Status filled = FillFile(fd.get(), parts, path);
  if (!filled.ok()) return filled;
  std::string self = fmt::format("/proc/self/fd/{}", fd.get());
  if (::linkat(AT_FDCWD, self.c_str(), directory_fd, leaf.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno == EEXIST) return NameTaken(directory_fd, path);
    // ENOENT: no /proc here.
    if (MeansNoSuchAbility(errno) || errno == ENOENT || errno == EXDEV) return std::nullopt;
    return Status(PutError(errno, "linking", path));
  }
  return FsyncOpenDirectory(directory_fd, path);
}

// Over NFS a repeated link request answers EEXIST to the one whose first request was carried out.
bool IsSameFile(int fd, int directory_fd, const std::string& leaf) {
  struct stat ours {};
  struct stat stored {};
  return ::fstat(fd, &ours) == 0 &&
         ::fstatat(directory_fd, leaf.c_str(), &stored, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_dev == stored.st_dev && ours.st_ino == stored.st_ino;
}

Result<UniqueFd> CreateTemporary(int directory_fd, const TemporaryName& temporary,
                                 const std::string& path) {
  int fd = ::openat(directory_fd, temporary.leaf(),
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (fd < 0) return PutError(errno, "creating a temporary file for", path);
  return UniqueFd(fd);
}

// Sets `used` to the way that worked, when one did.
Status PublishNamed(int directory_fd, const std::string& leaf, const std::string& path,
                    std::span<const ByteView> parts, PublishMethod first, PublishMethod& used) {
  TemporaryName temporary(directory_fd);
  ASSIGN_OR_RETURN(UniqueFd fd, CreateTemporary(directory_fd, temporary, path));
  RETURN_IF_ERROR(FillFile(fd.get(), parts, path));
  if (first == PublishMethod::kNamedLink) {
    bool linked = ::linkat(directory_fd, temporary.leaf(), directory_fd, leaf.c_str(), 0) == 0;
    int saved_errno = errno;
    if (!linked && saved_errno == EEXIST) linked = IsSameFile(fd.get(), directory_fd, leaf);
    if (linked) {
      // An NFS client renames a file that is unlinked while it is open instead of removing it.
      fd = UniqueFd();
      temporary.Remove();
      used = PublishMethod::kNamedLink;
      return FsyncOpenDirectory(directory_fd, path);
    }
    if (saved_errno == EEXIST) return NameTaken(directory_fd, path);
    if (!MeansNoSuchAbility(saved_errno)) return PutError(saved_errno, "linking", path);
  }
  if (::renameat2(directory_fd, temporary.leaf(), directory_fd, leaf.c_str(), RENAME_NOREPLACE) !=
      0) {
    if (errno == EEXIST) return NameTaken(directory_fd, path);
    if (!MeansNoSuchAbility(errno)) return PutError(errno, "renaming to", path);
    return Error{Code::kUnsupported,
                 fmt::format("storing {}: this filesystem has neither hard links nor a rename that "
                             "does not overwrite",
                             path),
                 "keep the repository on a local filesystem such as ext4 or XFS, or on NFS 4"};
  }
  temporary.Gone();
  used = PublishMethod::kRename;
  return FsyncOpenDirectory(directory_fd, path);
}

}  // namespace

Status FilePublisher::Publish(int directory_fd, const std::string& leaf, const std::string& path,
                              std::span<const ByteView> parts) {
  PublishMethod method = method_.load(std::memory_order_relaxed);
  if (method == PublishMethod::kUnnamedLink) {
    std::optional<Status> published = PublishUnnamed(directory_fd, leaf, path, parts);
    if (published) return *std::move(published);
    method = PublishMethod::kNamedLink;
  }
  PublishMethod used = method;
  Status published = PublishNamed(directory_fd, leaf, path, parts, method, used);
  // Remembered only after a success: a directory that vanished is no proof against a way.
  if (published.ok()) method_.store(used, std::memory_order_relaxed);
  return published;
}

Status NameTaken(int directory_fd, const std::string& path) {
  RETURN_IF_ERROR(FsyncOpenDirectory(directory_fd, path));
  return Error{Code::kAlreadyExists, fmt::format("storing {}: the name is taken", path), ""};
}

bool IsTemporaryName(std::string_view leaf) {
  return leaf.starts_with(kTemporaryPrefix) &&
         leaf.size() == kTemporaryPrefix.size() + kTemporaryDigits;
}

std::string NewTemporaryName() {
  uint64_t random = 0;
  CHECK(::getrandom(&random, sizeof random, 0) == static_cast<ssize_t>(sizeof random));
  return fmt::format("{}{:016x}", kTemporaryPrefix, random);
}

Error PutError(int saved_errno, std::string_view doing, std::string_view path) {
  Error error = ErrnoError(saved_errno, doing, path);
  if (saved_errno == EFBIG) {
    error.code = Code::kNoSpace;
    error.hint = "raise the file size limit (ulimit -f) of the user that runs pgcairn";
  } else if (saved_errno == ELOOP) {
    error.code = Code::kRefused;
    error.hint = "symbolic links inside a repository are not followed: use a bind mount instead";
  } else if (error.code == Code::kNotFound || error.code == Code::kAlreadyExists) {
    error.code = Code::kStorage;
  }
  return error;
}

Status FsyncOpenDirectory(int directory_fd, std::string_view path) {
  if (::fsync(directory_fd) == 0) return {};
  if (errno != EINVAL && errno != EOPNOTSUPP) {
    return PutError(errno, "making durable the directory of", path);
  }
  return Error{
      Code::kUnsupported,
      fmt::format("making durable the directory of {}: this filesystem cannot fsync directories",
                  path),
      "keep the repository on a local filesystem such as ext4 or XFS, or on NFS 4"};
}

}  // namespace pgcairn::storage
