#include "commands/exported_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace pgcairn::commands {
namespace {

// Looks at rows as they come by, in pieces that may part one anywhere.
class RowWatch {
 public:
  Status See(ByteView piece) {
    const std::string_view text = AsText(piece);
    // With what came before, whose end may be the beginning of what is looked for.
    const std::string seam = last_ + std::string(text.substr(0, kEndOfCopy.size() - 1));
    if (seam.find(kEndOfCopy) != std::string::npos ||
        text.find(kEndOfCopy) != std::string_view::npos) {
      return Error{Code::kDamaged, "a row would end its COPY", "restore from another backup"};
    }
    rows_ += static_cast<uint64_t>(std::ranges::count(text, '\n'));
    last_.append(text.substr(text.size() - std::min(text.size(), kEndOfCopy.size() - 1)));
    last_.erase(0, last_.size() - std::min(last_.size(), kEndOfCopy.size() - 1));
    return {};
  }

  uint64_t rows() const { return rows_; }
  bool is_at_end_of_row() const { return last_.ends_with('\n'); }

 private:
  static constexpr std::string_view kEndOfCopy = "\n\\.";

  std::string last_ = "\n";
  uint64_t rows_ = 0;
};

}  // namespace

Status ExportRows(const LogicalContents& contents, const format::LogicalTable& table,
                  Progress& progress, const TakeBytes& take) {
  const std::string doing = fmt::format("writing {}.{}", table.schema(), table.name());
  RowWatch watch;
  for (uint32_t part = 0; part < table.parts(); ++part) {
    ASSIGN_OR_RETURN(LogicalStream stream, contents.Find(RowsPath(table.oid(), part)));
    LogicalStreamReader reader(contents, stream);
    for (;;) {
      ASSIGN_OR_RETURN(ByteView piece, reader.Next());
      if (piece.empty()) break;
      RETURN_IF_ERROR(watch.See(piece).Context(doing));
      RETURN_IF_ERROR(take(piece).Context(doing));
      progress.Add(piece.size());
    }
  }
  if (watch.rows() == table.rows() && watch.is_at_end_of_row()) return {};
  return Error{Code::kDamaged,
               fmt::format("{}: the backup holds {} rows of it and says that they are {}", doing,
                           watch.rows(), table.rows()),
               "restore from another backup"};
}

}  // namespace pgcairn::commands
