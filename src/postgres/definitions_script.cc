#include "postgres/definitions_script.h"

#include <algorithm>
#include <array>
#include <map>

namespace pgcairn::postgres {
namespace {

bool IsInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// "$$" or "$tag$" at `at`; nothing when it is no such thing: a parameter, a part of a name.
std::string_view DollarsAt(std::string_view sql, size_t at) {
  if (at > 0 && IsInName(sql[at - 1])) return {};
  size_t end = at + 1;
  while (end < sql.size() && sql[end] != '$' && IsInName(sql[end])) ++end;
  const bool is_number = end > at + 1 && sql[at + 1] >= '0' && sql[at + 1] <= '9';
  if (end >= sql.size() || sql[end] != '$' || is_number) return {};
  return sql.substr(at, end + 1 - at);
}

size_t EndOfString(std::string_view sql, size_t at) {
  const char quote = sql[at];
  const bool escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') &&
                       (at < 2 || !IsInName(sql[at - 2]));
  for (size_t next = at + 1; next < sql.size(); ++next) {
    if (escapes && sql[next] == '\\') {
      ++next;
    } else if (sql[next] == quote) {
      // Two of them are one that is meant; with plain strings the second begins another.
      if (next + 1 >= sql.size() || sql[next + 1] != quote) return next + 1;
      ++next;
    }
  }
  return sql.size();
}

// What pg_dump's section of definitions behind the rows is made of, but for what it writes in later
// passes (dump functions of src/bin/pg_dump/pg_dump.c).
constexpr std::array<std::string_view, 15> kAfterRows = {"CHECK CONSTRAINT",
                                                         "CONSTRAINT",
                                                         "FK CONSTRAINT",
                                                         "INDEX",
                                                         "INDEX ATTACH",
                                                         "POLICY",
                                                         "PUBLICATION",
                                                         "PUBLICATION TABLE",
                                                         "PUBLICATION TABLES IN SCHEMA",
                                                         "ROW SECURITY",
                                                         "RULE",
                                                         "STATISTICS",
                                                         "SUBSCRIPTION",
                                                         "SUBSCRIPTION TABLE",
                                                         "TRIGGER"};
constexpr std::string_view kEventTrigger = "EVENT TRIGGER";
constexpr std::string_view kBegin = "--\n-- Name: ";
constexpr std::string_view kEnd = "--\n-- PostgreSQL database dump complete\n";

// "-- Name: a; Type: TABLE; Schema: public; Owner: me": a name may hold what comes behind it, so
// that the last one counts.
std::string_view TypeIn(std::string_view comment) {
  constexpr std::string_view kType = "; Type: ";
  constexpr std::string_view kSchema = "; Schema: ";
  const size_t schema = comment.rfind(kSchema);
  if (schema == std::string_view::npos) return {};
  const size_t type = comment.substr(0, schema).rfind(kType);
  if (type == std::string_view::npos) return {};
  return comment.substr(type + kType.size(), schema - type - kType.size());
}

// What stands above it, up to its owner.
std::string HeaderOf(const ArchiveItem& item) {
  std::string header = std::string(kBegin) + item.tag.value_or("") +
                       "; Type: " + item.kind.value_or("") +
                       "; Schema: " + item.schema.value_or("-") + "; Owner: ";
  std::ranges::replace_if(
      header.begin() + kBegin.size(), header.end(), [](char c) { return c == '\n' || c == '\r'; },
      ' ');
  return header;
}

// Behind what names the owner of the definition that ends at `at`, and the access method of a
// partitioned table.
size_t EndOfAlterations(std::string_view script, size_t at) {
  for (std::string_view said : {" OWNER TO ", " SET ACCESS METHOD "}) {
    const std::string_view rest = script.substr(at);
    const size_t statement_end = rest.find(";\n\n");
    const bool is_that = rest.starts_with("ALTER ") && statement_end != std::string_view::npos &&
                         rest.substr(0, statement_end).find(said) != std::string_view::npos &&
                         rest.find("\n--\n") > statement_end;
    if (is_that) at += statement_end + 3;
  }
  return at;
}

// Behind the definition of one of them that begins at `at`, which is then none of them any more,
// and what is said of it behind it; or `at`.
size_t EndOfAny(std::string_view script, size_t at,
                std::multimap<std::string, const ArchiveItem*>& items) {
  constexpr std::string_view kBelow = "\n--\n\n";
  const size_t line_end = script.find('\n', at + kBegin.size());
  const size_t owner = script.rfind("; Owner: ", line_end);
  if (line_end == std::string_view::npos || owner == std::string_view::npos || owner < at)
    return at;
  const auto [first, last] =
      items.equal_range(std::string(script.substr(at, owner - at)) + "; Owner: ");
  for (auto item = first; item != last; ++item) {
    const std::string below = std::string(kBelow) + item->second->definition.value_or("") + "\n\n";
    if (!script.substr(line_end).starts_with(below)) continue;
    items.erase(item);
    return EndOfAlterations(script, line_end + below.size());
  }
  return at;
}

}  // namespace

size_t EndOfQuoted(std::string_view sql, size_t at) {
  switch (sql[at]) {
    case '\'':
    case '"':
      return EndOfString(sql, at);
    case '-':
      if (sql.substr(at, 2) != "--") return at;
      return std::min(sql.find('\n', at), sql.size());
    case '$': {
      const std::string_view dollars = DollarsAt(sql, at);
      if (dollars.empty()) return at;
      const size_t end = sql.find(dollars, at + dollars.size());
      return end == std::string_view::npos ? sql.size() : end + dollars.size();
    }
    default:
      return at;
  }
}

ShortenedScript WithoutDefinitions(std::string_view script, const std::vector<ArchiveItem>& items) {
  std::multimap<std::string, const ArchiveItem*> without;
  for (const ArchiveItem& item : items) without.emplace(HeaderOf(item), &item);
  std::string kept;
  size_t kept_until = 0;
  for (size_t at = 0; at < script.size() && !without.empty();) {
    size_t behind = at;
    if ((at == 0 || script[at - 1] == '\n') && script.substr(at).starts_with(kBegin)) {
      behind = EndOfAny(script, at, without);
      if (behind > at) {
        kept += script.substr(kept_until, at - kept_until);
        kept_until = behind;
      }
    }
    if (behind == at) behind = EndOfQuoted(script, at);
    at = behind > at ? behind : at + 1;
  }
  ShortenedScript shortened{kept += script.substr(kept_until), {}};
  for (const auto& [header, item] : without) shortened.not_found.push_back(*item);
  return shortened;
}

DefinitionsScript SplitDefinitions(std::string_view script) {
  size_t after_rows = std::string_view::npos;
  size_t last = script.size();
  for (size_t at = 0; at < script.size();) {
    const bool at_line = at == 0 || script[at - 1] == '\n';
    const std::string_view rest = script.substr(at);
    if (at_line && rest.starts_with(kBegin)) {
      const std::string_view type =
          TypeIn(rest.substr(kBegin.size(), rest.find('\n', kBegin.size()) - kBegin.size()));
      if (type == kEventTrigger) {
        last = at;
        break;
      }
      if (after_rows == std::string_view::npos && std::ranges::count(kAfterRows, type) > 0) {
        after_rows = at;
      }
    } else if (at_line && rest.starts_with(kEnd)) {
      last = at;
      break;
    }
    const size_t behind = EndOfQuoted(script, at);
    at = behind > at ? behind : at + 1;
  }
  after_rows = std::min(after_rows, last);
  return {script.substr(0, after_rows), script.substr(after_rows, last - after_rows),
          script.substr(last)};
}

}  // namespace pgcairn::postgres
