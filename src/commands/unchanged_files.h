// Which files need not be read, because the file system says that nobody wrote to them (rule 8 of
// what a physical backup must get right).
#pragma once

#include <cstdint>
#include <string>

#include "format/manifest.pb.h"
#include "postgres/data_directory.h"
#include "repository/map/stream_list.h"
#include "util/clock.h"

namespace pgcairn::commands {

// Why files are compared by content although their stamps say that nothing changed.
enum class CompareReason {
  kNone,          // stamps are trusted
  kAsked,         // --verify-unchanged
  kDue,           // the last comparison is too long ago
  kTimeline,      // another timeline than the earlier backup's: files may come from elsewhere
  kClock,         // the earlier backup lies in the future: the clock went back
  kContradiction  // a file has the same time and another size
};

// For people and JSON: "asked", "due", ... and a sentence.
const char* NameOf(CompareReason reason);
std::string Explain(CompareReason reason, const std::string& detail);

struct CompareRules {
  CompareReason reason = CompareReason::kNone;  // kNone: stamps are trusted
  int64_t trusted_before_ns = 0;
};

struct StampFacts {
  bool asked = false;
  int64_t compare_days = 0;  // 0: never
  Timestamp now;
  uint32_t timeline = 0;
};

// What the earlier backup's manifest says against its stamps; contradictions are found file by
// file.
CompareReason JudgeStamps(const format::Manifest& earlier, const StampFacts& facts);

// Until when a file's last change must lie back for its stamps to prove that the earlier backup has
// read and judged it as it was: well before that backup began. A file may be written twice within
// one tick of its file system's clock (up to two seconds on some), the second time after it was
// read. And pages written between the begin and the listing were not judged by their checksum: the
// WAL of that backup brings them again, that of the next one does not.
int64_t TrustedBeforeNs(const format::Manifest& earlier);

// The file has the earlier size, times and inode, and was last changed before `trusted_before_ns`.
// The status change time counts because no program can set it.
bool IsUnchanged(const postgres::DataFile& file, const repository::StreamEntry& earlier,
                 int64_t trusted_before_ns);

// The same times and another size: no file system that keeps times does that.
bool Contradicts(const postgres::DataFile& file, const repository::StreamEntry& earlier);

}  // namespace pgcairn::commands
