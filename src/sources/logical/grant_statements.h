// Privileges as a dump grants and revokes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgcairn::sources {

struct GrantStatement {
  std::string sql;
  std::string grantor;  // "": the object's owner; else the dump becomes this role for it
};

// What a script of ScriptOf holds whose entries are privileges alone.
std::vector<GrantStatement> GrantsIn(std::string_view script);

}  // namespace pgcairn::sources
