#include "config/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "config/nearest.h"

namespace pgcairn::config {
namespace {

constexpr size_t kTypoDistanceMax = 2;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool IsKeyCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view file_name) : rest_(text), file_name_(file_name) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  Result<std::vector<EnvEntry>> Run() {
    std::vector<EnvEntry> entries;
    while (!rest_.empty()) {
      SkipBlanks();
      if (AtLineEnd() || rest_.front() == '#') {
        SkipLine();
        continue;
      }
      ASSIGN_OR_RETURN(EnvEntry entry, Entry());
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  Result<EnvEntry> Entry() {
    EnvEntry entry;
    entry.line = line_;
    entry.key = TakeKey();
    SkipBlanks();
    if (entry.key == "export" && !AtLineEnd() && rest_.front() != '=') {
      entry.key = TakeKey();
      SkipBlanks();
    }
    bool bad_start = entry.key.empty() || std::isdigit(static_cast<unsigned char>(entry.key[0]));
    if (bad_start || rest_.empty() || rest_.front() != '=') {
      return Error{Code::kUsage,
                   fmt::format("{}, line {}: the line is not KEY=VALUE", file_name_, entry.line),
                   "write KEY=VALUE, or put # before a comment"};
    }
    rest_.remove_prefix(1);
    SkipBlanks();
    char first = rest_.empty() ? '\n' : rest_.front();
    bool quoted = first == '"' || first == '\'';
    std::string value;
    if (quoted) {
      RETURN_IF_ERROR(TakeQuoted(entry, value));
    } else {
      value = TakeUnquoted();
    }
    entry.wants_expansion = first != '\'' && value.find("${") != std::string::npos;
    entry.value = Secret(value);
    WipeText(value);
    if (!quoted) SkipLine();
    return entry;
  }

  std::string TakeKey() {
    size_t end = 0;
    while (end < rest_.size() && IsKeyCharacter(rest_[end])) ++end;
    std::string key(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return key;
  }

  std::string TakeUnquoted() const {
    std::string_view value = rest_.substr(0, rest_.find('\n'));
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '#' && (i == 0 || IsBlank(value[i - 1]))) {
        value = value.substr(0, i);
        break;
      }
    }
    while (!value.empty() && (IsBlank(value.back()) || value.back() == '\r'))
      value.remove_suffix(1);
    return std::string(value);
  }

  Status TakeQuoted(const EnvEntry& entry, std::string& value) {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    for (;;) {
      if (rest_.empty()) {
        return Error{Code::kUsage,
                     fmt::format("{}, line {}: {}: the quote {} is never closed", file_name_,
                                 entry.line, entry.key, quote),
                     fmt::format("end the value with {}", quote)};
      }
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\n') ++line_;
      if (c == quote) break;
      if (c == '\\' && quote == '"' && !rest_.empty()) {
        std::optional<char> plain = Unescaped(rest_.front());
        if (plain) {
          c = *plain;
          rest_.remove_prefix(1);
        }
      }
      value += c;
    }
    SkipBlanks();
    if (!AtLineEnd() && rest_.front() != '#') {
      return Error{Code::kUsage,
                   fmt::format("{}, line {}: {}: text after the closing quote {}", file_name_,
                               line_, entry.key, quote),
                   "put the whole value in quotes; a quote inside it is written \\\" in a value in "
                   "double quotes"};
    }
    SkipLine();
    return {};
  }

  static std::optional<char> Unescaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '"':
      case '\\':
      case '$':
        return c;
      default:
        return std::nullopt;
    }
  }

  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
  }
  bool AtLineEnd() const {
    return rest_.empty() || rest_.front() == '\n' || rest_.starts_with("\r\n") || rest_ == "\r";
  }
  void SkipLine() {
    size_t end = rest_.find('\n');
    if (end == std::string_view::npos) {
      rest_ = {};
      return;
    }
    rest_.remove_prefix(end + 1);
    ++line_;
  }

  std::string_view rest_;
  std::string_view file_name_;
  int line_ = 1;
};

std::string InCapitals(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

Error NotOurs(const EnvEntry& entry, std::string_view file_name, const std::string& nearest) {
  return {Code::kUsage,
          fmt::format("{}, line {}: {} is not a known key; did you mean {}?", file_name, entry.line,
                      entry.key, nearest),
          fmt::format("write {}, or rename the key if another program reads it", nearest)};
}

}  // namespace

Result<std::vector<EnvEntry>> ParseEnvFile(std::string_view text, std::string_view file_name) {
  return Parser(text, file_name).Run();
}

const std::vector<std::string>& OurEnvKeys() {
  static const std::vector<std::string> keys = {
      "SUPABASE_DB_URL",     "DATABASE_URL",       "BACKUP_ENCRYPTION_KEY",
      "BACKUP_STORAGE_PATH", "NOTIFICATION_EMAIL", "SUPABASE_PROJECT_ID",
  };
  return keys;
}

bool IsOurEnvKey(std::string_view key) {
  const std::vector<std::string>& keys = OurEnvKeys();
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

Status CheckEnvKeys(const std::vector<EnvEntry>& entries, std::string_view file_name) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const EnvEntry& entry = entries[i];
    std::string upper = InCapitals(entry.key);
    if (entry.key == "PGCAIRN_CONFIG") {
      return Error{Code::kUsage,
                   fmt::format("{}, line {}: PGCAIRN_CONFIG has no effect here: this file is found "
                               "through it",
                               file_name, entry.line),
                   "set it in the environment of the process, or use --config"};
    }
    if (!IsOurEnvKey(entry.key)) {
      std::optional<NearestName> nearest = FindNearest(upper, OurEnvKeys());
      if (nearest && nearest->distance <= kTypoDistanceMax) {
        return NotOurs(entry, file_name, nearest->name);
      }
      bool nearly_config = EditDistance(upper, "PGCAIRN_CONFIG") <= kTypoDistanceMax;
      if (nearly_config || upper.starts_with("PGCAIRN_")) {
        return NotOurs(entry, file_name, "PGCAIRN_CONFIG");
      }
      continue;
    }
    if (entry.wants_expansion) {
      return Error{Code::kUsage,
                   fmt::format("{}, line {}: {}: ${{...}} is not expanded", file_name, entry.line,
                               entry.key),
                   "write the value in full, or in single quotes if it holds ${ itself"};
    }
    for (size_t j = 0; j < i; ++j) {
      if (entries[j].key == entry.key && entries[j].value.Reveal() != entry.value.Reveal()) {
        return Error{Code::kUsage,
                     fmt::format("{}, line {}: {} was already given another value on line {}",
                                 file_name, entry.line, entry.key, entries[j].line),
                     "keep one of the two"};
      }
    }
  }
  return {};
}

}  // namespace pgcairn::config
