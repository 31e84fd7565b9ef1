#include "storage/storage.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgcairn::storage {
namespace {

constexpr size_t kNameSizeMax = 900;
constexpr size_t kComponentSizeMax = 200;
constexpr size_t kNameShownMax = 100;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '@' || c == '+' || c == '-';
}

bool IsValidComponent(std::string_view component) {
  if (component.empty() || component.size() > kComponentSizeMax) return false;
  if (component.front() == '.' || component.front() == '-') return false;
  if (component == "lost+found") return false;
  return std::ranges::all_of(component, IsNameCharacter);
}

}  // namespace

bool IsValidObjectName(std::string_view name) {
  if (name.size() > kNameSizeMax) return false;
  for (;;) {
    size_t slash = name.find('/');
    if (!IsValidComponent(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

Status CheckObjectName(std::string_view name) {
  if (IsValidObjectName(name)) return {};
  std::string shown(name.substr(0, kNameShownMax));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return Error{Code::kRefused, fmt::format("\"{}\" is not a valid object name", shown),
               "names are made of A-Z a-z 0-9 . _ @ + - in components of 1 to 200 characters that "
               "do not begin with . or -"};
}

Status CheckDirectoryName(std::string_view directory) {
  return directory.empty() ? Status() : CheckObjectName(directory);
}

}  // namespace pgcairn::storage
