// Which definitions of a dump a database gets, decided before anything is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "format/logical.pb.h"
#include "sources/logical/schema_restore.h"
#include "sources/logical/target_definitions.h"
#include "util/result.h"

namespace pgcairn::commands {

struct DefinitionFacts {
  const std::vector<sources::ArchiveEntry>& archive;
  std::set<uint32_t> after_rows;  // ids of the section that comes after the rows
  const format::LogicalCatalog& catalog;
  const sources::TargetDefinitions& target;
  // Which extensions the target cannot have, and why.
  std::map<std::string, std::string> unavailable;
  // An interrupted restore of the same backup has made what comes before the rows: none of that is
  // to be made again, whatever the plan says.
  bool made = false;
  // Whether the role may make policies on a table of somebody else.
  std::function<bool(std::string_view schema, std::string_view table)> may_make_policies;
};

struct DefinitionPlan {
  struct Definition {
    uint32_t id = 0;
    bool with_owner = true;  // else whoever makes it is its owner
    std::string extension;   // "" when it is none
  };
  std::vector<Definition> before_rows;
  std::vector<uint32_t> privileges;  // of those, and of what else the role owns
  // Of what comes with extensions: it may have come with another one than at the source.
  std::vector<uint32_t> privileges_of_members;
  std::vector<uint32_t> privileges_of_others;  // of what belongs to others
  std::vector<uint32_t> default_privileges;    // of the role itself
  std::vector<uint32_t> after_rows;            // of tables that the restore makes
  struct Attempt {
    std::vector<uint32_t> ids;  // with its comment
    std::string what;
  };
  // On what is there already, or what a service may allow or not: each can fail without the others.
  std::vector<Attempt> attempts;
  std::set<uint32_t> absent_tables;  // their oids at the source: nothing can take their rows
  std::set<std::string> absent;      // "SEQUENCE public s": of all that is not made
  std::vector<std::string> skipped;  // what is not made and why, a line each
};

// A superuser makes all that the backup has; other roles what they may, beside what is there.
// What needs something that is not made is not made.
DefinitionPlan PlanDefinitions(const DefinitionFacts& facts);

}  // namespace pgcairn::commands
