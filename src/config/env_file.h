// The file `.env`: KEY=VALUE lines, shared with other programs.
//
// Understood: blank lines and # comments; an optional "export "; values without quotes (to the end
// of the line or to a # after a blank, trimmed), in single quotes (as they stand) and in double
// quotes
// (\n \r \t \" \\ \$ are escapes); quoted values may run over lines. Variables are not expanded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/secret.h"
#include "util/result.h"

namespace pgcairn::config {

struct EnvEntry {
  std::string key;
  Secret value;
  int line = 0;
  // Holds "${" outside single quotes: other programs would put a variable's value there.
  bool wants_expansion = false;
};

// Every line of `text`, in order. Errors: kUsage, naming `file_name`, line and key, never a value:
// a line that is not KEY=VALUE, a quote that is not closed, text after a closing quote.
Result<std::vector<EnvEntry>> ParseEnvFile(std::string_view text, std::string_view file_name);

// Whether the key is one of those that pgcairn reads from `.env`.
bool IsOurEnvKey(std::string_view key);

// Every key that pgcairn reads from `.env`.
const std::vector<std::string>& OurEnvKeys();

// Refuses (kUsage) a key that is nearly one of ours and therefore one mistyped: at most two edits
// away whatever its case, or any other with the prefix PGCAIRN_; ours twice with different values;
// and ours with a value that wants expansion. Keys of other programs pass.
Status CheckEnvKeys(const std::vector<EnvEntry>& entries, std::string_view file_name);

}  // namespace pgcairn::config
