#include "cli/exit_codes.h"

#include <array>

namespace pgcairn::cli {
namespace {

constexpr std::array<ExitCode, 17> kExitCodes{{
    {Code::kFailed, 1, "failed", "failed, for a reason that has no number of its own"},
    {Code::kUsage, 2, "usage", "the command line or the configuration is wrong"},
    {Code::kNotFound, 3, "not_found", "what was asked for does not exist"},
    {Code::kAlreadyExists, 4, "already_exists", "what was to be made exists already"},
    {Code::kDamaged, 5, "damaged", "stored bytes are not what was written"},
    {Code::kWrongKey, 6, "wrong_key", "no key at hand opens the repository"},
    {Code::kStorage, 7, "storage", "reading or writing failed"},
    {Code::kNoSpace, 8, "no_space", "no room is left on a device"},
    {Code::kPermission, 9, "permission", "the operating system or the server refused"},
    {Code::kConnection, 10, "connection", "the server cannot be reached, or the connection broke"},
    {Code::kUnsupported, 11, "unsupported", "a version, feature or setting that is not handled"},
    {Code::kRefused, 12, "refused", "going on would have put data at risk"},
    {Code::kTimeout, 13, "timeout", "something did not happen in time"},
    {Code::kCancelled, 14, "cancelled", "stopped before the end"},
    {Code::kUnreachableTarget, 15, "unreachable_target",
     "the recovery target lies outside what can be restored"},
    {Code::kCorruptPages, 16, "corrupt_pages",
     "the backup was stored, but the server has pages that fail their checksum"},
    {Code::kUnseenChanges, 17, "unseen_changes",
     "the backup was stored, but files had changed without a change of their times"},
}};

const ExitCode& Find(Code code) {
  for (const ExitCode& entry : kExitCodes) {
    if (entry.code == code) return entry;
  }
  return kExitCodes.front();
}

}  // namespace

std::span<const ExitCode> ExitCodes() { return kExitCodes; }
int StatusOf(Code code) { return Find(code).status; }
std::string_view NameOf(Code code) { return Find(code).name; }

int FetchStatusOf(Code code) {
  return code == Code::kNotFound ? 1 : kFetchFailureBase + StatusOf(code);
}

}  // namespace pgcairn::cli
