#include "commands/definition_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/archive_text.h"

namespace pgcairn::commands {
namespace {

using sources::ArchiveEntry;
using sources::Whose;

// What belongs to a table and has no life of its own.
constexpr std::string_view kOfTables[] = {
    "DEFAULT", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX",       "STATISTICS",
    "RULE",    "TRIGGER",    "POLICY",           "ROW SECURITY",  "TABLE ATTACH"};
// Of those what is said of a table when it is made.
constexpr std::string_view kMadeWithTables[] = {"DEFAULT", "ROW SECURITY", "TABLE ATTACH"};
constexpr std::string_view kRelations[] = {"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE"};
constexpr std::string_view kSaidOfOthers[] = {"COMMENT", "SECURITY LABEL"};
// What pg_restore takes from the dump by itself, and what is said of the database as a whole.
constexpr std::string_view kNoDefinitions[] = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE",
                                               "DATABASE PROPERTIES"};

template <typename Names>
bool IsOneOf(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

enum class Fate {
  kMade,
  kThere,
  kTried,
  kSkipped,
};

struct Known {
  Fate fate = Fate::kMade;
  EntryText text;
  const ArchiveEntry* entry = nullptr;
  size_t attempt = 0;            // of one that is tried
  Whose whose = Whose::kOthers;  // of one that is there
};

class DefinitionPlanner {
 public:
  explicit DefinitionPlanner(const DefinitionFacts& facts)
      : facts_(facts),
        bound_(!facts.target.superuser),
        names_(facts.archive, {facts.catalog.roles().begin(), facts.catalog.roles().end()}) {
    for (const format::LogicalObject& object : facts.catalog.needing_hidden()) {
      hidden_.emplace(object.catalog(), object.oid());
    }
  }

  DefinitionPlan Plan() {
    // Whatever needs another entry comes after it.
    for (const ArchiveEntry& entry : facts_.archive) Consider(entry);
    for (const auto& [schema, count] : there_) {
      plan_.skipped.push_back(
          schema == "-" ? fmt::format("{} schemas, extensions and the like are there already: they "
                                      "stay as they are",
                                      count)
                        : fmt::format("schema {}: {} definitions are there already: they stay as "
                                      "they are",
                                      schema, count));
    }
    return std::move(plan_);
  }

 private:
  void Consider(const ArchiveEntry& entry) {
    Known known;
    known.text = names_.Parse(entry);
    known.entry = &entry;
    const std::string_view kind = known.text.kind;
    if (IsOneOf(kNoDefinitions, kind)) return;
    if (kind == "ACL") return AddPrivileges(known);
    if (IsOneOf(kSaidOfOthers, kind)) return AddAppendage(known);
    if (kind == "DEFAULT ACL") return AddDefaultPrivileges(known);
    if (std::optional<std::string> reason = WhyImpossible(known)) return Skip(known, *reason);
    if (const Known* table = TableOf(known)) return AddToTable(known, *table);
    if (kind == "SEQUENCE OWNED BY" || kind == "INDEX ATTACH") return AddConnection(known);
    if (kind.starts_with("PUBLICATION TABLE")) return AddMember(known);
    AddObject(known);
  }

  std::optional<std::string> WhyImpossible(const Known& known) const {
    const ArchiveEntry& entry = *known.entry;
    if (hidden_.contains({entry.catalog, entry.oid})) {
      return "it needs a table that the backup does not have";
    }
    if (known.text.kind == "EXTENSION") {
      if (auto why = facts_.unavailable.find(std::string(known.text.name));
          why != facts_.unavailable.end()) {
        return why->second;
      }
    }
    for (uint32_t id : entry.needs) {
      auto need = known_.find(id);
      if (need == known_.end() || need->second.fate != Fate::kSkipped) continue;
      return fmt::format("it needs {}", need->second.text.head);
    }
    return std::nullopt;
  }

  // What goes with the table that it belongs to is not worth a line of its own.
  void Skip(Known known, const std::string& reason) {
    known.fate = Fate::kSkipped;
    plan_.absent.emplace(known.text.head);
    if (known.text.kind == "TABLE") plan_.absent_tables.insert(known.entry->oid);
    const Known* table = TableOf(known);
    const bool silent = (table != nullptr && table->fate == Fate::kSkipped) ||
                        known.text.kind == "SEQUENCE OWNED BY" || known.text.kind == "INDEX ATTACH";
    if (!silent) plan_.skipped.push_back(fmt::format("{}: {}", known.text.head, reason));
    Remember(known);
  }

  void Remember(const Known& known) { known_[known.entry->id] = known; }

  const Known* Find(uint32_t id) const {
    auto found = known_.find(id);
    return found == known_.end() ? nullptr : &found->second;
  }

  const Known* TableOf(const Known& known) const {
    if (!IsOneOf(kOfTables, known.text.kind)) return nullptr;
    const Known* any = nullptr;
    for (uint32_t id : known.entry->needs) {
      const Known* need = Find(id);
      if (need == nullptr || !IsOneOf(kRelations, need->text.kind)) continue;
      if (any == nullptr) any = need;
      const std::string_view name = need->text.name;
      if (need->text.schema != known.text.schema || !known.text.name.starts_with(name)) continue;
      if (known.text.name.size() == name.size() || known.text.name[name.size()] == ' ') return need;
    }
    return any;
  }

  // When it is there, whose.
  std::optional<Whose> There(const Known& known) const {
    auto found = facts_.target.there.find(std::string(known.text.head));
    if (found == facts_.target.there.end()) return std::nullopt;
    return found->second;
  }

  // What is the user's in a database that an interrupted restore has begun to fill is as it is to
  // be.
  void KeepThere(Known known, Whose whose) {
    known.fate = whose != Whose::kOthers && facts_.made ? Fate::kMade : Fate::kThere;
    known.whose = whose;
    if (known.fate == Fate::kThere) ++there_[std::string(known.text.schema)];
    Remember(known);
  }

  void Make(Known known, bool with_owner) {
    known.fate = Fate::kMade;
    // Its policies come later: until then the rows are nobody's but the owner's, and not open to
    // those who are granted the table already.
    const bool closes = known.text.kind == "ROW SECURITY" && facts_.target.bypasses_row_security;
    if (facts_.after_rows.contains(known.entry->id) && !closes) {
      plan_.after_rows.push_back(known.entry->id);
    } else {
      plan_.before_rows.push_back(
          {known.entry->id, with_owner,
           known.text.kind == "EXTENSION" ? std::string(known.text.name) : ""});
    }
    Remember(known);
  }

  void Try(const Known& known) {
    if (bound_) {
      TryAsOwner(known);
    } else {
      Make(known, true);
    }
  }

  void TryAsOwner(Known known) {
    known.fate = Fate::kTried;
    known.attempt = plan_.attempts.size();
    plan_.attempts.push_back({{known.entry->id}, std::string(known.text.head)});
    Remember(known);
  }

  bool IsUsable(std::string_view owner) const {
    return !bound_ || owner.empty() || facts_.target.roles.contains(std::string(owner));
  }

  // What is not the role's own, in a schema that is not: there it goes with what is there, whatever
  // the role may do. Everybody's is the schema public.
  bool IsOfAPlatform(const Known& known) const {
    if (known.text.schema == "public" || known.text.owner == facts_.target.role) return false;
    auto schema = facts_.target.there.find(fmt::format("SCHEMA - {}", known.text.schema));
    return schema != facts_.target.there.end() && schema->second == Whose::kOthers;
  }

  bool MayMakeIn(const Known& known) const {
    const std::string schema(known.text.schema);
    for (uint32_t id : known.entry->needs) {
      const Known* need = Find(id);
      if (need != nullptr && need->text.kind == "SCHEMA" && need->text.name == schema) {
        return need->fate == Fate::kMade || facts_.target.schemas.contains(schema);
      }
    }
    return facts_.target.schemas.contains(schema);
  }

  void AddObject(const Known& known) {
    // Of a schema that every database has, pg_restore sets the owner and makes nothing.
    if (!bound_ && known.text.head == "SCHEMA - public") return Make(known, true);
    if (std::optional<Whose> whose = There(known)) return KeepThere(known, *whose);
    if (!bound_) return MakeAsSuperuser(known);
    const std::string_view kind = known.text.kind;
    const std::string& role = facts_.target.role;
    if (kind == "EVENT TRIGGER" && !facts_.target.may_make_event_triggers) {
      return Skip(known, fmt::format("the role {} may not make event triggers", role));
    }
    if (kind == "EVENT TRIGGER" || kind == "PUBLICATION" || kind == "SUBSCRIPTION") {
      return Try(known);
    }
    if (known.text.schema == "-" || known.text.schema.empty()) {
      if (IsUsable(known.text.owner)) return Make(known, true);
      return Skip(known, fmt::format("it belongs to {}, and the role {} is no member of that",
                                     known.text.owner, role));
    }
    if (IsOfAPlatform(known)) {
      return Skip(known,
                  fmt::format("it belongs to {}, and the schema {} is not one of the role {}",
                              known.text.owner, known.text.schema, role));
    }
    if (!MayMakeIn(known)) {
      return Skip(known, fmt::format("it belongs to {}, and the role {} may not make anything in "
                                     "the schema {}",
                                     known.text.owner, role, known.text.schema));
    }
    const bool usable = IsUsable(known.text.owner);
    if (!usable) {
      plan_.skipped.push_back(
          fmt::format("the owner {} of {}: the role {} is no member of that, and "
                      "becomes the owner itself",
                      known.text.owner, known.text.head, role));
    }
    Make(known, usable);
  }

  // Of some things nobody else may be the owner (AlterEventTriggerOwner_internal in
  // src/backend/commands/event_trigger.c, AlterForeignDataWrapperOwner_internal in foreigncmds.c).
  void MakeAsSuperuser(const Known& known) {
    const bool of_superusers =
        known.text.kind == "EVENT TRIGGER" || known.text.kind == "FOREIGN DATA WRAPPER";
    if (!of_superusers || facts_.target.superusers.contains(std::string(known.text.owner))) {
      return Make(known, true);
    }
    plan_.skipped.push_back(fmt::format(
        "the owner {} of {}: that role is no superuser at the target, so that {} becomes the owner",
        known.text.owner, known.text.head, facts_.target.role));
    if (facts_.after_rows.contains(known.entry->id)) {
      TryAsOwner(known);
    } else {
      Make(known, false);
    }
  }

  void AddToTable(const Known& known, const Known& table) {
    if (table.fate == Fate::kMade) {
      if (There(known)) return KeepThere(known, Whose::kRole);
      if (std::optional<std::string> refused = WhyNoReference(known)) return Skip(known, *refused);
      const bool usable = IsUsable(known.text.owner);
      return known.text.kind == "STATISTICS" && !usable ? Try(known) : Make(known, usable);
    }
    if (There(known) || IsOneOf(kMadeWithTables, known.text.kind)) {
      return KeepThere(known, table.whose);
    }
    if (std::optional<std::string> refused = WhyNotOn(known, table)) return Skip(known, *refused);
    Try(known);
  }

  std::optional<std::string> WhyNoReference(const Known& known) const {
    if (!bound_ || known.text.kind != "FK CONSTRAINT") return std::nullopt;
    for (uint32_t id : known.entry->needs) {
      const Known* need = Find(id);
      if (need == nullptr || need->text.kind != "TABLE" || need->fate != Fate::kThere) continue;
      auto table = facts_.target.tables.find(TableName(need->text));
      if (table == facts_.target.tables.end() || table->second.may_refer_to) continue;
      return fmt::format("the role {} may not refer to {}.{}", facts_.target.role,
                         need->text.schema, need->text.name);
    }
    return std::nullopt;
  }

  // Of what the platform made with the table nothing is lacking: this is its user's, or of an older
  // or newer platform.
  std::optional<std::string> WhyNotOn(const Known& known, const Known& table) const {
    auto facts = facts_.target.tables.find(TableName(table.text));
    if (!bound_ || facts == facts_.target.tables.end() || facts->second.may_alter) {
      return std::nullopt;
    }
    const std::string on = fmt::format("{}.{}", table.text.schema, table.text.name);
    const std::string& role = facts_.target.role;
    if (known.text.kind == "TRIGGER") {
      if (facts->second.may_make_triggers) return std::nullopt;
      return fmt::format("the role {} may not make triggers on {}", role, on);
    }
    if (known.text.kind == "POLICY" &&
        facts_.may_make_policies(table.text.schema, table.text.name)) {
      return std::nullopt;
    }
    return fmt::format("{} belongs to {}, and the role {} may not alter it", on,
                       facts->second.owner, role);
  }

  static std::string TableName(const EntryText& text) {
    return fmt::format("{} {}", text.schema, text.name);
  }

  // Of two things that are both made.
  void AddConnection(const Known& known) {
    for (uint32_t id : known.entry->needs) {
      const Known* need = Find(id);
      if (need != nullptr && need->fate != Fate::kMade) return KeepThere(known, Whose::kOthers);
    }
    Make(known, true);
  }

  void AddMember(const Known& known) {
    if (There(known)) return KeepThere(known, Whose::kOthers);
    Try(known);
  }

  void AddAppendage(const Known& known) {
    const Known* main = MainOf(known);
    if (main == nullptr) {
      if (!bound_ && !known.text.name.starts_with("DATABASE ")) Make(known, true);
      return;
    }
    if (main->fate == Fate::kTried) {
      plan_.attempts[main->attempt].ids.push_back(known.entry->id);
    } else if (main->fate == Fate::kMade || (main->fate == Fate::kThere && !bound_)) {
      Make(known, true);
    }
  }

  const Known* MainOf(const Known& known) const {
    for (uint32_t id : known.entry->needs) {
      if (const Known* need = Find(id)) return need;
    }
    return nullptr;
  }

  void AddPrivileges(const Known& known) {
    const uint32_t id = known.entry->id;
    const std::string_view name = known.text.name;
    if (name.starts_with("DATABASE ")) return;
    const Known* main = MainOf(known);
    if (main == nullptr && name == "SCHEMA public") {
      // The catalog says all of them, but for backups of before it did.
      if (facts_.catalog.public_grants_size() == 0 && !bound_) plan_.privileges.push_back(id);
    } else if (main == nullptr) {
      (bound_ ? plan_.privileges_of_others : plan_.privileges_of_members).push_back(id);
    } else if (main->fate == Fate::kMade ||
               (main->fate == Fate::kThere && (main->whose == Whose::kRole || !bound_))) {
      plan_.privileges.push_back(id);
    } else if (main->fate == Fate::kThere) {
      plan_.privileges_of_others.push_back(id);
    }
  }

  void AddDefaultPrivileges(const Known& known) {
    if (!bound_) {
      plan_.after_rows.push_back(known.entry->id);
    } else if (known.text.owner == facts_.target.role) {
      plan_.default_privileges.push_back(known.entry->id);
    } else {
      plan_.skipped.push_back(fmt::format(
          "{} for what {} makes: the role {} may not set them, they are those of the target",
          known.text.head, known.text.owner, facts_.target.role));
    }
  }

  const DefinitionFacts& facts_;
  const bool bound_;
  const ArchiveNames names_;
  std::set<std::pair<uint32_t, uint32_t>> hidden_;
  std::map<uint32_t, Known> known_;
  std::map<std::string, size_t> there_;  // by schema
  DefinitionPlan plan_;
};

}  // namespace

DefinitionPlan PlanDefinitions(const DefinitionFacts& facts) {
  return DefinitionPlanner(facts).Plan();
}

}  // namespace pgcairn::commands
