#include "commands/restore_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "commands/archive_text.h"
#include "commands/definition_scripts.h"
#include "sources/logical/target_check.h"

namespace pgcairn::commands {
namespace {

constexpr size_t kWorkNamedMax = 5;

void RefuseFull(LogicalRun& run, const std::vector<std::string>& objects) {
  run.refusals.push_back({Code::kRefused,
                          fmt::format("the database {} is not empty: it has {}",
                                      run.report.database, fmt::join(objects, ", ")),
                          "restore into a new database (CREATE DATABASE ... TEMPLATE template0), "
                          "or single tables with "
                          "--type=table --table=SCHEMA.NAME"});
}

// What a restore that goes on there says of itself.
Result<std::optional<std::string>> NoteInProgress(LogicalRun& run) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      run.session.connection
          .Query("SELECT coalesce(pg_catalog.obj_description(oid, 'pg_namespace'), '') "
                 "FROM pg_catalog.pg_namespace WHERE nspname = $1",
                 {kRestoreMarker})
          .Context("looking for a restore that was interrupted"));
  if (rows.rows.empty()) return std::optional<std::string>();
  return rows.rows[0][0];
}

bool HasThingsOfOthers(const sources::TargetDefinitions& target) {
  return std::ranges::any_of(target.there, [](const auto& entry) {
    return entry.second != sources::Whose::kRole && entry.first.starts_with("SCHEMA - ") &&
           entry.first != "SCHEMA - public";
  });
}

std::set<std::string> HeadsOf(const std::vector<sources::ArchiveEntry>& archive,
                              const format::LogicalCatalog& catalog) {
  const ArchiveNames names(archive, {catalog.roles().begin(), catalog.roles().end()});
  std::set<std::string> heads;
  for (const sources::ArchiveEntry& entry : archive) heads.emplace(names.Parse(entry).head);
  return heads;
}

Status RequireNoOwnWork(LogicalRun& run, const sources::TargetDefinitions& target,
                        const std::vector<sources::ArchiveEntry>& archive) {
  ASSIGN_OR_RETURN(
      std::vector<std::string> work,
      sources::FindOwnWork(run.session.connection, HeadsOf(archive, run.contents.catalog())));
  if (work.empty()) return {};
  const size_t more = work.size() - std::min(work.size(), kWorkNamedMax);
  work.resize(work.size() - more);
  run.refusals.push_back(
      {Code::kRefused,
       fmt::format("the database {} is in use: the role {}, or one that it is a member of, has "
                   "{}{} in it",
                   run.report.database, target.role, fmt::join(work, ", "),
                   more > 0 ? fmt::format(" and {} more", more) : ""),
       "a whole backup goes into a project in which nothing was made yet; or restore single tables "
       "with --type=table --table=SCHEMA.NAME"});
  return {};
}

}  // namespace

std::string RestoreNote(const LogicalRun& run, bool has_rows) {
  const bool schema = run.options.scope == LogicalScope::kSchema;
  return fmt::format("{} --type={}{}", run.report.backup_id, schema ? "schema" : "full",
                     has_rows ? ", all rows are there" : "");
}

Status RequireNoOtherRun(LogicalRun& run) {
  // "pgcairn restore", shortened to the number that a lock has.
  constexpr char kLock[] = "SELECT pg_catalog.pg_try_advisory_lock(8097868219914745455)";
  if (run.options.dry_run) return {};
  ASSIGN_OR_RETURN(std::string alone, run.session.connection.QueryCell(kLock));
  if (alone == "t") return {};
  return Error{Code::kRefused,
               fmt::format("another restore into the database {} is running", run.report.database),
               "wait until it is done, or end it (pg_stat_activity has it as \"pgcairn restore\")"};
}

Result<RestorePlace> LookAtPlace(LogicalRun& run, const sources::TargetDefinitions& target,
                                 const std::vector<sources::ArchiveEntry>& archive) {
  RestorePlace place;
  ASSIGN_OR_RETURN(std::vector<std::string> objects,
                   sources::FindUserObjects(run.session.connection));
  if (objects.empty()) return place;
  if (target.superuser || !HasThingsOfOthers(target)) {
    RefuseFull(run, objects);
    return place;
  }
  place.beside_others = true;
  ASSIGN_OR_RETURN(std::optional<std::string> in_progress, NoteInProgress(run));
  place.has_rows = in_progress == RestoreNote(run, true);
  if (place.has_rows || in_progress == RestoreNote(run, false)) {
    place.goes_on = true;
  } else if (in_progress) {
    run.refusals.push_back(
        {Code::kRefused,
         fmt::format("a restore into the database {} was interrupted", run.report.database),
         fmt::format("finish it with --source={}; or drop all that it made, with the schema {}",
                     in_progress->substr(0, in_progress->find(',')), kRestoreMarker)});
  } else {
    RETURN_IF_ERROR(RequireNoOwnWork(run, target, archive));
  }
  if (!run.session.silent) {
    run.refusals.push_back(
        {Code::kRefused,
         fmt::format("the role {} may not set session_replication_role: triggers and foreign keys "
                     "of tables that are there would fire for every row",
                     target.role),
         "connect as the role that the service gives its users for administration"});
  }
  return place;
}

Result<std::map<std::string, std::string>> LookForExtensions(LogicalRun& run) {
  std::map<std::string, std::string> unavailable;
  std::vector<std::string> names;
  for (const format::LogicalExtension& extension : run.contents.catalog().extensions()) {
    postgres::Connection& connection = run.session.connection;
    ASSIGN_OR_RETURN(sources::ExtensionOffer offer,
                     sources::FindExtension(connection, extension.name()));
    if (!offer.available || !(offer.installed || offer.creatable)) {
      unavailable[extension.name()] = offer.available ? "the role may not make it there"
                                                      : "the target server does not offer it";
      names.push_back(extension.name());
      continue;
    }
    bool same = offer.version == extension.version();
    if (!same && !offer.installed) {
      ASSIGN_OR_RETURN(same,
                       sources::OffersVersion(connection, extension.name(), extension.version()));
    }
    if (same) continue;
    run.report.warnings.push_back(
        fmt::format("the extension {} is {} at the target, and was {} in the backup",
                    extension.name(), offer.version, extension.version()));
  }
  if (names.empty() || run.options.skip_extensions) return unavailable;
  run.refusals.push_back(
      {Code::kRefused,
       fmt::format("the target server does not have the extensions {}, or the role may not make "
                   "them",
                   fmt::join(names, ", ")),
       "install them there (their files, not CREATE EXTENSION), restore to a server that has "
       "them, or leave them out with all that needs them: --skip-extensions, and with --dry-run it "
       "says what that is"});
  return unavailable;
}

void RequireRoles(LogicalRun& run) {
  for (const std::string& role : run.report.missing_roles) {
    if (!role.starts_with("pg_")) continue;
    run.refusals.push_back(
        {Code::kRefused,
         fmt::format("the target server does not have PostgreSQL's own role {}", role),
         "restore to a server of the backup's version or a newer one"});
    return;
  }
  if (run.report.missing_roles.empty() || run.options.create_roles) return;
  run.refusals.push_back(
      {Code::kRefused,
       fmt::format("the target server lacks roles that own something or were granted something: {}",
                   fmt::join(run.report.missing_roles, ", ")),
       "make them, or let --create-roles make roles of these names that cannot log in"});
}

}  // namespace pgcairn::commands
