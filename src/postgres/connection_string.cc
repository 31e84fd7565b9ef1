#include "postgres/connection_string.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "postgres/libpq.h"

namespace pgcairn::postgres {
namespace {

constexpr char kForms[] =
    "write postgresql://user:password@host:5432/database, or host=... port=... user=... "
    "dbname=...; in a URL the characters @ : / ? # % and space of a password are written "
    "%40 %3A %2F %3F %23 %25 and %20";

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Error NotUnderstood(std::string_view why) {
  return {Code::kUsage, fmt::format("the connection string is not understood: {}", why), kForms};
}

// A raw '@' or '/' in a password moves the rest of it into the host, port or database name, which
// libpq's errors quote. In a correct URL the only raw '@' ends the user part (the query may have
// one: the name of an abstract socket).
Status CheckUrl(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  size_t authority_end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, authority_end);
  std::string_view after =
      authority_end == std::string_view::npos ? "" : rest.substr(authority_end);
  auto signs = std::count(authority.begin(), authority.end(), '@');
  bool misplaced = after.substr(0, after.find('?')).find('@') != std::string_view::npos;
  bool in_query = signs == 0 && !authority.empty() && after.find('@') != std::string_view::npos;
  if (signs > 1 || misplaced || in_query) {
    return NotUnderstood("its URL has an @ where none can be");
  }
  return {};
}

bool IsPortList(std::string_view ports) {
  return ports.find_first_not_of("0123456789, ") == std::string_view::npos;
}

using Options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

// What libpq reads in `text`.
Result<Options> ReadOptions(const std::string& text) {
  char* raw_message = nullptr;
  Options options(Libpq().PQconninfoParse(text.c_str(), &raw_message), Libpq().PQconninfoFree);
  std::unique_ptr<char, decltype(&::PQfreemem)> message(raw_message, Libpq().PQfreemem);
  if (options != nullptr) return options;
  // What follows the first quotation mark may be a part of the password.
  std::string_view why = message ? message.get() : "out of memory";
  why = Trim(why.substr(0, why.find('"')));
  while (why.ends_with(':')) why.remove_suffix(1);
  return NotUnderstood(why);
}

// For key=value text.
std::string QuoteValue(std::string_view value) {
  std::string quoted = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

Result<ConnectionString> ParseConnectionString(const std::string& conninfo) {
  ConnectionString parsed;
  parsed.text = Trim(conninfo);
  parsed.names_service = std::getenv("PGSERVICE") != nullptr;
  if (parsed.text.find('\0') != std::string::npos) return NotUnderstood("it holds a zero byte");
  if (parsed.text.starts_with("postgresql://") || parsed.text.starts_with("postgres://")) {
    RETURN_IF_ERROR(CheckUrl(parsed.text));
  }
  RETURN_IF_ERROR(LoadLibpq());
  ASSIGN_OR_RETURN(Options options, ReadOptions(parsed.text));
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    std::string_view keyword = option->keyword;
    if (keyword == "password") parsed.password = option->val;
    if (keyword == "service") parsed.names_service = true;
    if (keyword == "port" && !IsPortList(option->val)) {
      return NotUnderstood("its port is not a number");
    }
  }
  return parsed;
}

Result<std::string> WithDatabase(const std::string& conninfo, const std::string& database) {
  ASSIGN_OR_RETURN(ConnectionString parsed, ParseConnectionString(conninfo));
  ASSIGN_OR_RETURN(Options options, ReadOptions(parsed.text));
  std::string text;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    if (option->val == nullptr || keyword == "dbname") continue;
    text += fmt::format("{}={} ", keyword, QuoteValue(option->val));
  }
  return text + "dbname=" + QuoteValue(database);
}

}  // namespace pgcairn::postgres
