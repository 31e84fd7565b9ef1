#include "util/shell_quoting.h"

#include <algorithm>
#include <cctype>

namespace pgcairn {

std::string QuoteForShell(std::string_view text) {
  constexpr std::string_view kPlain = "/._-+=:,@%";
  bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace pgcairn
