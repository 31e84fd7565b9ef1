#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "commands/open_cluster.h"
#include "commands/wal.h"
#include "postgres/lsn.h"
#include "repository/wal_store/wal_store.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

// Only the archive may say that a file is absent.
Error NotAbsent(Error error) {
  if (error.code == Code::kNotFound) error.code = Code::kStorage;
  return error;
}

// A file that gets its name when it is whole, so that a run that was killed leaves nothing in
// pg_wal, where nobody would ever remove it. Where the file system cannot make files without a
// name, it has a temporary one.
class Destination {
 public:
  explicit Destination(const std::string& path)
      : path_(path), temporary_(fmt::format("{}.pgcairn-tmp.{}", path, ::getpid())) {}

  Status Create() {
    Result<UniqueFd> unnamed = Open(DirectoryOf(path_), O_TMPFILE | O_WRONLY, 0600);
    if (unnamed.ok()) {
      fd_ = *std::move(unnamed);
      return {};
    }
    named_ = true;
    ASSIGN_OR_RETURN(fd_, Open(temporary_, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    return {};
  }

  // Any thread.
  Status Write(uint64_t offset, ByteView bytes) {
    return WriteAt(fd_.get(), bytes, offset, named_ ? temporary_ : path_);
  }

  // Most of a segment that was switched early is zeros. They get their place on the disk, for the
  // server writes over them one day, but not by way of memory, where the file system can do that.
  Status WriteZeros(uint64_t offset, uint64_t length) {
    if (::fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0) {
      return {};
    }
    const Bytes zeros(std::min<uint64_t>(length, uint64_t{1} << 20));
    for (uint64_t done = 0; done < length; done += zeros.size()) {
      ByteView piece = ByteView(zeros).first(std::min<uint64_t>(zeros.size(), length - done));
      RETURN_IF_ERROR(Write(offset + done, piece));
    }
    return {};
  }

  // Not made durable: PostgreSQL reads it at once, and fetches it again after a crash.
  Status Publish() {
    std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (!named_ &&
        ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return ErrnoError(errno, "naming", temporary_);
    }
    named_ = true;
    RETURN_IF_ERROR(fd_.Close(temporary_));
    if (::rename(temporary_.c_str(), path_.c_str()) == 0) return {};
    return ErrnoError(errno, "renaming to", path_);
  }

  void Discard() {
    if (named_) ::unlink(temporary_.c_str());
  }

 private:
  const std::string path_;
  const std::string temporary_;
  bool named_ = false;
  UniqueFd fd_;
};

Status FetchInto(const repository::WalStore& wal, const std::string& name,
                 const std::string& path) {
  Destination destination(path);
  Status created = destination.Create();
  if (!created.ok()) return NotAbsent(created.error());
  repository::WalSink sink;
  sink.write = [&](uint64_t at, ByteView bytes) { return destination.Write(at, bytes); };
  sink.write_zeros = [&](uint64_t at, uint64_t length) {
    return destination.WriteZeros(at, length);
  };
  Status done = wal.Read(name, sink);
  if (done.ok()) {
    done = destination.Publish();
    if (!done.ok()) done = NotAbsent(done.error());
  }
  if (!done.ok()) destination.Discard();
  return done;
}

}  // namespace

Status WalFetch(const config::Settings& settings, const std::string& name,
                const std::string& destination) {
  if (postgres::KindOfWalFile(name) == postgres::WalFileKind::kOther) {
    return Error{Code::kUsage, fmt::format("\"{}\" is not the name of a WAL file", name),
                 "restore_command passes %f, the name, and %p, the destination"};
  }
  Result<OpenedCluster> opened = OpenCluster(settings);
  if (!opened.ok()) return NotAbsent(opened.error());
  Result<format::ClusterHistory> system = SystemHere(*opened->cluster);
  if (!system.ok()) return NotAbsent(system.error());
  repository::WalStore wal(*opened->cluster, system->system_identifier(), WalThreads(settings));
  return FetchInto(wal, name, destination);
}

}  // namespace pgcairn::commands
