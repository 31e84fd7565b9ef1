#include "commands/large_object_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pgcairn::commands {
namespace {

// Two numbers, three signs between them and the hex form, and what parts the columns.
constexpr uint64_t kBesidePageBytes = 64;
constexpr std::string_view kHexForm = "\\\\x";  // COPY doubles the backslash

Error NoPage(const std::string& what) {
  return {Code::kDamaged, "the backup's large objects have " + what, "restore from another backup"};
}

std::optional<uint64_t> TakeColumn(std::string_view& row) {
  uint64_t number = 0;
  auto [end, failed] = std::from_chars(row.data(), row.data() + row.size(), number);
  const auto digits = static_cast<size_t>(end - row.data());
  if (failed != std::errc() || digits == row.size() || row[digits] != '\t') return std::nullopt;
  row.remove_prefix(digits + 1);
  return number;
}

bool IsHex(std::string_view text) {
  return text.size() % 2 == 0 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

LargeObjectPages::LargeObjectPages(const format::LogicalCatalog& catalog)
    : page_bytes_(catalog.large_object_page_bytes()) {
  for (const format::LogicalLargeObject& object : catalog.large_objects()) {
    objects_[object.oid()].size = object.size();
  }
}

Status LargeObjectPages::Add(ByteView piece, const OnPage& on_page) {
  std::string_view text = AsText(piece);
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (rest_.empty()) {
      RETURN_IF_ERROR(AddRow(text.substr(0, end), on_page));
    } else {
      rest_.append(text.substr(0, end));
      RETURN_IF_ERROR(AddRow(rest_, on_page));
      rest_.clear();
    }
    text.remove_prefix(end + 1);
  }
  if (rest_.size() + text.size() > kBesidePageBytes + 2 * page_bytes_) {
    return NoPage("a row that is no page");
  }
  rest_.append(text);
  return {};
}

Status LargeObjectPages::AddRow(std::string_view row, const OnPage& on_page) {
  const std::optional<uint64_t> oid = TakeColumn(row);
  const std::optional<uint64_t> number = oid ? TakeColumn(row) : std::nullopt;
  if (!number || !row.starts_with(kHexForm) || !IsHex(row.substr(kHexForm.size()))) {
    return NoPage("a row that is no page");
  }
  row.remove_prefix(kHexForm.size());
  const auto found =
      *oid > UINT32_MAX ? objects_.end() : objects_.find(static_cast<uint32_t>(*oid));
  if (found == objects_.end()) return NoPage(fmt::format("a page of an unknown one, {}", *oid));
  Object& object = found->second;
  const uint64_t size = row.size() / 2;
  // The first condition keeps the second from running over.
  if (*number > object.size / page_bytes_ || size > page_bytes_ ||
      *number * page_bytes_ + size > object.size) {
    return NoPage(fmt::format("a page of {} that goes past its end", *oid));
  }
  const uint64_t offset = *number * page_bytes_;
  object.end = std::max(object.end, offset + size);
  if (size == 0) return {};
  object.written = std::max(object.written, offset + size);
  return on_page({static_cast<uint32_t>(*oid), offset, row});
}

Status LargeObjectPages::Finish() const {
  if (!rest_.empty()) return NoPage("a row that does not end");
  for (const auto& [oid, object] : objects_) {
    if (object.end == object.size) continue;
    return NoPage(
        fmt::format("{} bytes of {}, and the catalog says {}", object.end, oid, object.size));
  }
  return {};
}

Status LargeObjectPages::ReadAll(const LogicalContents& contents, Progress& progress,
                                 const OnPage& on_page) {
  for (uint32_t part = 0; part < contents.catalog().large_object_parts(); ++part) {
    ASSIGN_OR_RETURN(LogicalStream stream, contents.Find(LargeObjectsPath(part)));
    LogicalStreamReader reader(contents, stream);
    for (;;) {
      ASSIGN_OR_RETURN(ByteView piece, reader.Next());
      if (piece.empty()) break;
      RETURN_IF_ERROR(Add(piece, on_page));
      progress.Add(piece.size());
      progress.Show();
    }
  }
  return Finish();
}

uint64_t LargeObjectPages::WrittenUntil(uint32_t oid) const {
  const auto found = objects_.find(oid);
  return found == objects_.end() ? 0 : found->second.written;
}

}  // namespace pgcairn::commands
