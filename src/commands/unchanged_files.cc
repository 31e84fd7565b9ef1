#include "commands/unchanged_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgcairn::commands {
namespace {

constexpr int64_t kMicrosecondsOfDay = int64_t{86'400} * 1'000'000;
// Two seconds are FAT's and some network file systems' resolution; one more for rounding.
constexpr int64_t kMarginUs = int64_t{3} * 1'000'000;

}  // namespace

const char* NameOf(CompareReason reason) {
  switch (reason) {
    case CompareReason::kNone:
      return "stamps";
    case CompareReason::kAsked:
      return "asked";
    case CompareReason::kDue:
      return "due";
    case CompareReason::kTimeline:
      return "timeline";
    case CompareReason::kClock:
      return "clock";
    case CompareReason::kContradiction:
      return "contradiction";
  }
  return "";
}

std::string Explain(CompareReason reason, const std::string& detail) {
  switch (reason) {
    case CompareReason::kNone:
      return "files whose size, times and inode are the earlier backup's were not read";
    case CompareReason::kAsked:
      return "every file was compared, as --verify-unchanged asks";
    case CompareReason::kDue:
      return "every file was compared, as is due after backup.verify_unchanged_days";
    case CompareReason::kTimeline:
      return "every file was compared, because the timeline is another one than the earlier "
             "backup's";
    case CompareReason::kClock:
      return "every file was compared, because the clock was set back since the earlier backup";
    case CompareReason::kContradiction:
      return fmt::format(
          "every file was compared, because {} has its earlier time and another size", detail);
  }
  return "";
}

CompareReason JudgeStamps(const format::Manifest& earlier, const StampFacts& facts) {
  if (facts.asked) return CompareReason::kAsked;
  if (earlier.timeline() != facts.timeline) return CompareReason::kTimeline;
  if (facts.now.unix_us < earlier.finished_at_us()) return CompareReason::kClock;
  const bool due = facts.compare_days > 0 && facts.now.unix_us - earlier.compared_at_us() >=
                                                 facts.compare_days * kMicrosecondsOfDay;
  return due ? CompareReason::kDue : CompareReason::kNone;
}

int64_t TrustedBeforeNs(const format::Manifest& earlier) {
  return (std::min(earlier.started_at_us(), earlier.listed_at_us()) - kMarginUs) * 1000;
}

bool IsUnchanged(const postgres::DataFile& file, const repository::StreamEntry& earlier,
                 int64_t trusted_before_ns) {
  return file.size == earlier.size && file.mtime_ns == earlier.mtime_ns &&
         file.ctime_ns == earlier.ctime_ns && file.inode == earlier.inode &&
         file.mtime_ns < trusted_before_ns && file.ctime_ns < trusted_before_ns;
}

bool Contradicts(const postgres::DataFile& file, const repository::StreamEntry& earlier) {
  return file.size != earlier.size && file.inode == earlier.inode &&
         file.mtime_ns == earlier.mtime_ns && file.ctime_ns == earlier.ctime_ns;
}

}  // namespace pgcairn::commands
