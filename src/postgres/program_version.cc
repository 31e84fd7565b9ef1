#include "postgres/program_version.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "postgres/program_run.h"
#include "util/file.h"

namespace pgcairn::postgres {

Result<int> MajorVersionOf(const std::string& path) {
  constexpr size_t kLineBytesMax = 4096;
  std::string line;
  RETURN_IF_ERROR(RunProgram({path, {"--version"}, {"LC_ALL=C"}}, [&](ByteView piece) {
    if (line.size() < kLineBytesMax) line += AsText(piece);
    return Status();
  }));
  const std::string start = fmt::format("{} (PostgreSQL) ", FileNameOf(path));
  int major = 0;
  if (!line.starts_with(start)) return major;
  std::from_chars(line.data() + start.size(), line.data() + line.size(), major);
  return major;
}

}  // namespace pgcairn::postgres
