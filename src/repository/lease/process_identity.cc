#include "repository/lease/process_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "util/bytes.h"
#include "util/file.h"

namespace pgcairn::repository {
namespace {

constexpr size_t kMachineBytes = 16;

// The first line; empty when there is none. Files of /proc have no size: read until the end.
std::string FirstLine(const std::string& path) {
  Result<UniqueFd> fd = Open(path, O_RDONLY);
  if (!fd.ok()) return "";
  Bytes text(4096);
  ssize_t size = ::read(fd->get(), text.data(), text.size());
  if (size <= 0) return "";
  std::string_view line = AsText(ByteView(text).first(static_cast<size_t>(size)));
  return std::string(line.substr(0, line.find('\n')));
}

// machine-id(5) asks not to show the id itself to others.
std::string Machine() {
  std::string id = FirstLine("/etc/machine-id");
  if (id.empty()) return "";
  crypto::Sha256Digest hash = crypto::Sha256(AsBytes("pgcairn machine v1 " + id));
  return ToString(ByteView(hash.bytes).first(kMachineBytes));
}

struct ProcessStat {
  char state = '?';
  uint64_t start_ticks = 0;
};

// proc(5): the name in parentheses may hold anything; behind its last ')' stand state (field 3) and
// the rest, the start time as field 22.
std::optional<ProcessStat> ReadProcessStat(const std::string& path) {
  std::string line = FirstLine(path);
  size_t at = line.rfind(')');
  if (at == std::string::npos || line.size() < at + 3) return std::nullopt;
  ProcessStat stat;
  stat.state = line[at + 2];
  for (int field = 3; field < 22 && at != std::string::npos; ++field) at = line.find(' ', at + 2);
  if (at == std::string::npos) return std::nullopt;
  const char* end = line.data() + line.size();
  auto read = std::from_chars(line.data() + at + 1, end, stat.start_ticks);
  if (read.ec != std::errc()) return std::nullopt;
  return stat;
}

std::string ThisHost() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return host;
}

uint64_t ProcessIdSpace() {
  struct stat info {};
  return ::stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

}  // namespace

format::ProcessIdentity ThisProcess() {
  format::ProcessIdentity process;
  process.set_host(ThisHost());
  process.set_machine(Machine());
  process.set_boot_id(FirstLine("/proc/sys/kernel/random/boot_id"));
  process.set_process_id_space(ProcessIdSpace());
  process.set_process_id(static_cast<uint32_t>(::getpid()));
  std::optional<ProcessStat> stat = ReadProcessStat("/proc/self/stat");
  if (stat) process.set_process_start_ticks(stat->start_ticks);
  return process;
}

Life LifeOf(const format::ProcessIdentity& process) { return LifeOf(process, ThisProcess()); }

Life LifeOf(const format::ProcessIdentity& process, const format::ProcessIdentity& here) {
  if (process.host().empty() || process.host() != here.host() ||
      process.machine() != here.machine() || process.boot_id().empty() || here.boot_id().empty()) {
    return Life::kUnknown;
  }
  if (process.boot_id() != here.boot_id()) {
    return here.machine().empty() ? Life::kUnknown : Life::kDead;
  }
  if (process.process_id_space() == 0 || process.process_id_space() != here.process_id_space() ||
      process.process_id() == 0 || process.process_start_ticks() == 0) {
    return Life::kUnknown;
  }
  // The kernel answers kill(2) truly even where /proc hides the processes of others.
  if (::kill(static_cast<pid_t>(process.process_id()), 0) != 0 && errno == ESRCH) {
    return Life::kDead;
  }
  std::optional<ProcessStat> stat =
      ReadProcessStat(fmt::format("/proc/{}/stat", process.process_id()));
  if (!stat) return Life::kUnknown;
  bool another = stat->start_ticks != process.process_start_ticks();
  bool ended = stat->state == 'Z' || stat->state == 'X';
  return another || ended ? Life::kDead : Life::kAlive;
}

}  // namespace pgcairn::repository
