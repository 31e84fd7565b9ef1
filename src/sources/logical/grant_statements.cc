#include "sources/logical/grant_statements.h"

#include <algorithm>
#include <utility>

namespace pgcairn::sources {
namespace {

// The statements of a script without function bodies: names and texts are in quotes, and a comment
// ends with its line.
std::vector<std::string> StatementsIn(std::string_view script) {
  std::vector<std::string> statements;
  std::string statement;
  char quote = 0;
  for (size_t at = 0; at < script.size(); ++at) {
    const char c = script[at];
    if (quote == 0 && script.substr(at, 2) == "--") {
      at = std::min(script.find('\n', at), script.size());
      continue;
    }
    if (quote == 0 && c == ';') {
      statements.push_back(std::move(statement));
      statement.clear();
      continue;
    }
    if (c == '"' || c == '\'') {
      if (quote == 0) {
        quote = c;
      } else if (quote == c) {
        // Twice within quotes it opens them again at once.
        quote = 0;
      }
    }
    if (!statement.empty() || (c != '\n' && c != ' ')) statement += c;
  }
  return statements;
}

std::string Unquoted(std::string_view name) {
  if (!name.starts_with('"')) return std::string(name);
  std::string plain;
  for (size_t at = 1; at + 1 < name.size(); ++at) {
    if (name[at] == '"') ++at;
    plain += name[at];
  }
  return plain;
}

}  // namespace

// buildACLCommands and buildDefaultACLCommands in src/bin/pg_dump/dumputils.c.
std::vector<GrantStatement> GrantsIn(std::string_view script) {
  constexpr std::string_view kBecome = "SET SESSION AUTHORIZATION ";
  constexpr std::string_view kGrants[] = {"GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES "};
  std::vector<GrantStatement> grants;
  std::string grantor;
  for (std::string& statement : StatementsIn(script)) {
    if (statement.starts_with(kBecome)) {
      grantor = Unquoted(std::string_view(statement).substr(kBecome.size()));
    } else if (statement.starts_with("RESET SESSION AUTHORIZATION")) {
      grantor.clear();
    } else {
      for (std::string_view beginning : kGrants) {
        if (!statement.starts_with(beginning)) continue;
        grants.push_back({std::move(statement), grantor});
        break;
      }
    }
  }
  return grants;
}

}  // namespace pgcairn::sources
