// Words for the command lines that pgcairn prints and that PostgreSQL runs for it.
#pragma once

#include <string>
#include <string_view>

namespace pgcairn {

// The text as one word of a POSIX shell's command line, quoted only if it has to be.
std::string QuoteForShell(std::string_view text);

}  // namespace pgcairn
