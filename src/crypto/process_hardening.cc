#include "crypto/process_hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

#include "util/log.h"

namespace pgcairn::crypto {
namespace {

void Report(std::string_view what) {
  LogWarning("forbidding core dumps: {}: {}", what, std::generic_category().message(errno));
}

}  // namespace

void ForbidCoreDumps() {
  // Both: the limit does not count when core_pattern is a pipe, as for systemd-coredump, and the
  // flag is lost when the user changes.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) Report("PR_SET_DUMPABLE");
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) Report("RLIMIT_CORE");
}

}  // namespace pgcairn::crypto
