#include "commands/archive_text.h"

#include <algorithm>
#include <utility>

namespace pgcairn::commands {
namespace {

// As pg_dump.c calls them, those first that begin with another.
constexpr std::string_view kKinds[] = {"ACCESS METHOD",
                                       "ACL",
                                       "AGGREGATE",
                                       "CAST",
                                       "CHECK CONSTRAINT",
                                       "COLLATION",
                                       "COMMENT",
                                       "CONSTRAINT",
                                       "CONVERSION",
                                       "DATABASE PROPERTIES",
                                       "DATABASE",
                                       "DEFAULT ACL",
                                       "DEFAULT",
                                       "DOMAIN",
                                       "ENCODING",
                                       "EVENT TRIGGER",
                                       "EXTENSION",
                                       "FK CONSTRAINT",
                                       "FOREIGN DATA WRAPPER",
                                       "FOREIGN TABLE",
                                       "FUNCTION",
                                       "INDEX ATTACH",
                                       "INDEX",
                                       "MATERIALIZED VIEW",
                                       "OPERATOR CLASS",
                                       "OPERATOR FAMILY",
                                       "OPERATOR",
                                       "POLICY",
                                       "PROCEDURAL LANGUAGE",
                                       "PROCEDURE",
                                       "PUBLICATION TABLES IN SCHEMA",
                                       "PUBLICATION TABLE",
                                       "PUBLICATION",
                                       "ROW SECURITY",
                                       "RULE",
                                       "SCHEMA",
                                       "SEARCHPATH",
                                       "SECURITY LABEL",
                                       "SEQUENCE OWNED BY",
                                       "SEQUENCE",
                                       "SERVER",
                                       "SHELL TYPE",
                                       "STATISTICS",
                                       "STDSTRINGS",
                                       "SUBSCRIPTION TABLE",
                                       "SUBSCRIPTION",
                                       "TABLE ATTACH",
                                       "TABLE",
                                       "TEXT SEARCH CONFIGURATION",
                                       "TEXT SEARCH DICTIONARY",
                                       "TEXT SEARCH PARSER",
                                       "TEXT SEARCH TEMPLATE",
                                       "TRANSFORM",
                                       "TRIGGER",
                                       "TYPE",
                                       "USER MAPPING",
                                       "VIEW"};

bool BeginsWithWord(std::string_view text, std::string_view word) {
  return text.starts_with(word) && text.size() > word.size() && text[word.size()] == ' ';
}

std::string WithoutLineEnds(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return name;
}

void LongestFirst(std::vector<std::string>& names) {
  std::ranges::stable_sort(names, std::ranges::greater(), &std::string::size);
}

}  // namespace

ArchiveNames::ArchiveNames(const std::vector<sources::ArchiveEntry>& archive,
                           std::vector<std::string> roles)
    : roles_(std::move(roles)), schemas_{"public"} {
  for (std::string& role : roles_) role = WithoutLineEnds(std::move(role));
  LongestFirst(roles_);
  constexpr std::string_view kSchema = "SCHEMA - ";
  for (const sources::ArchiveEntry& entry : archive) {
    if (!entry.text.starts_with(kSchema)) continue;
    const std::string_view named = std::string_view(entry.text).substr(kSchema.size());
    const std::string_view owner = OwnerIn(named, 1);
    schemas_.emplace_back(named.substr(0, named.size() - owner.size() - 1));
  }
  LongestFirst(schemas_);
}

// Who is not known is the last word.
std::string_view ArchiveNames::OwnerIn(std::string_view text, size_t head_bytes) const {
  for (const std::string& role : roles_) {
    if (text.size() > head_bytes + role.size() && text.ends_with(role) &&
        text[text.size() - role.size() - 1] == ' ') {
      return text.substr(text.size() - role.size());
    }
  }
  const size_t space = text.rfind(' ');
  return space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
}

EntryText ArchiveNames::Parse(const sources::ArchiveEntry& entry) const {
  const std::string_view text = entry.text;
  EntryText parsed;
  for (std::string_view kind : kKinds) {
    if (!BeginsWithWord(text, kind)) continue;
    parsed.kind = kind;
    break;
  }
  // A schema or "-", and a name.
  constexpr std::string_view kLeast = " - n";
  parsed.owner = OwnerIn(text, parsed.kind.size() + kLeast.size());
  parsed.head = text.substr(0, text.size() - std::min(text.size(), parsed.owner.size() + 1));
  if (parsed.kind.empty()) return parsed;
  const std::string_view rest =
      parsed.head.substr(std::min(parsed.head.size(), parsed.kind.size() + 1));
  if (BeginsWithWord(rest, "-")) {
    parsed.schema = rest.substr(0, 1);
  } else {
    for (const std::string& schema : schemas_) {
      if (!BeginsWithWord(rest, schema)) continue;
      parsed.schema = rest.substr(0, schema.size());
      break;
    }
  }
  if (!parsed.schema.empty()) parsed.name = rest.substr(parsed.schema.size() + 1);
  return parsed;
}

}  // namespace pgcairn::commands
