#include "commands/definition_scripts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "commands/restore_place.h"
#include "postgres/identifier.h"
#include "sources/logical/load_session.h"
#include "sources/logical/schema_restore.h"
#include "sources/logical/target_check.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using sources::GrantStatement;
using sources::OwnersInScript;

// Not a session that loads rows: what watches over definitions there is to see them.
Result<postgres::Connection> OpenSession(const LogicalRun& run) {
  ASSIGN_OR_RETURN(postgres::Connection connection,
                   postgres::Connection::Open(run.conninfo, "pgcairn restore"));
  if (run.text() == sources::RowText::kServerBytes) {
    RETURN_IF_ERROR(connection.Query("SET client_encoding = 'SQL_ASCII'").status());
  }
  return connection;
}

// Runs it, or nothing of it. What the server does not let it do is an answer: false, and `why`.
template <typename Work>
Result<bool> TryInTransaction(postgres::Connection& connection, const Work& work,
                              std::string& why) {
  Status done = sources::InTransaction(connection, work);
  if (done.ok()) return true;
  if (done.code() == Code::kConnection) return done;
  why = done.error().message;
  return false;
}

bool NamesRole(const std::string& sql, const std::string& role) {
  const std::string quoted = postgres::QuoteIdentifier(role);
  if (sql.find(quoted) != std::string::npos) return true;
  auto in_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  for (size_t at = 0; (at = sql.find(role, at)) != std::string::npos; ++at) {
    const size_t end = at + role.size();
    if ((at == 0 || !in_name(sql[at - 1])) && (end == sql.size() || !in_name(sql[end])))
      return true;
  }
  return false;
}

}  // namespace

Result<DefinitionScripts> DefinitionScripts::Read(LogicalRun& run, const SchemaFile& schema,
                                                  const sources::TargetDefinitions& target,
                                                  DefinitionPlan plan, bool beside_others) {
  DefinitionScripts scripts(schema, target, std::move(plan));
  scripts.beside_others_ = beside_others;
  const auto& grants = run.contents.catalog().public_grants();
  scripts.public_grants_.assign(grants.begin(), grants.end());
  RETURN_IF_ERROR(scripts.ReadSegments());
  RETURN_IF_ERROR(scripts.ReadGrants());
  RETURN_IF_ERROR(scripts.ReadAttempts());
  return scripts;
}

Result<std::string> DefinitionScripts::Script(const std::vector<uint32_t>& ids,
                                              OwnersInScript owners) const {
  if (ids.empty()) return std::string();
  return sources::ScriptOf(schema_->archive(), ids, owners, schema_->ListPath());
}

// As few scripts as keep the order: pg_restore is run for each.
Status DefinitionScripts::ReadSegments() {
  const std::vector<DefinitionPlan::Definition>& all = plan_.before_rows;
  for (size_t first = 0; first < all.size();) {
    size_t end = first + 1;
    if (all[first].extension.empty()) {
      while (end < all.size() && all[end].extension.empty() &&
             all[end].with_owner == all[first].with_owner) {
        ++end;
      }
    }
    std::vector<uint32_t> ids;
    for (size_t i = first; i < end; ++i) ids.push_back(all[i].id);
    ASSIGN_OR_RETURN(std::string sql, Script(ids, all[first].with_owner ? OwnersInScript::kGiven
                                                                        : OwnersInScript::kNone));
    segments_.push_back({std::move(sql), all[first].extension});
    first = end;
  }
  if (target_->superuser) return {};
  ASSIGN_OR_RETURN(std::string after, Script(plan_.after_rows, OwnersInScript::kGiven));
  after_rows_.push_back({std::move(after), ""});
  return {};
}

Status DefinitionScripts::ReadGrants() {
  auto read = [this](const std::vector<uint32_t>& ids) -> Result<std::vector<GrantStatement>> {
    ASSIGN_OR_RETURN(std::string sql, Script(ids, OwnersInScript::kGiven));
    return sources::GrantsIn(sql);
  };
  ASSIGN_OR_RETURN(grants_, read(plan_.privileges));
  ASSIGN_OR_RETURN(grants_on_members_, read(plan_.privileges_of_members));
  ASSIGN_OR_RETURN(default_grants_, read(plan_.default_privileges));
  ASSIGN_OR_RETURN(std::vector<GrantStatement> on_others, read(plan_.privileges_of_others));
  for (GrantStatement& grant : on_others) {
    if (grant.grantor == target_->role) own_grants_on_others_.push_back(std::move(grant));
  }
  return {};
}

Status DefinitionScripts::ReadAttempts() {
  for (const DefinitionPlan::Attempt& attempt : plan_.attempts) {
    ASSIGN_OR_RETURN(std::string sql, Script(attempt.ids, OwnersInScript::kNone));
    attempts_.push_back({attempt.what, std::move(sql)});
  }
  return {};
}

bool DefinitionScripts::Names(const std::string& role) const {
  auto named = [&role](const auto& pieces) {
    return std::ranges::any_of(pieces,
                               [&role](const auto& piece) { return NamesRole(piece.sql, role); });
  };
  return named(segments_) || named(after_rows_) || named(grants_) || named(own_grants_on_others_) ||
         named(default_grants_) || named(attempts_) ||
         std::ranges::any_of(public_grants_,
                             [&role](const std::string& sql) { return NamesRole(sql, role); });
}

Status DefinitionScripts::MakeExtension(postgres::Connection& connection, LogicalRun& run,
                                        const Segment& segment) const {
  for (const format::LogicalExtension& extension : run.contents.catalog().extensions()) {
    if (extension.name() != segment.extension || extension.schema().empty()) continue;
    ASSIGN_OR_RETURN(bool offered,
                     sources::OffersVersion(connection, extension.name(), extension.version()));
    if (!offered) break;
    return connection
        .Query(fmt::format("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {} VERSION {}",
                           postgres::QuoteIdentifier(extension.name()),
                           postgres::QuoteIdentifier(extension.schema()),
                           postgres::QuoteLiteral(extension.version())))
        .status();
  }
  return connection.RunScript(segment.sql);
}

// A role that is no superuser does in another's name what it may become him for.
Status DefinitionScripts::Grant(postgres::Connection& connection, LogicalRun& run,
                                const std::vector<GrantStatement>& grants, bool lenient) const {
  for (const GrantStatement& grant : grants) {
    const bool as_another = !grant.grantor.empty() && grant.grantor != target_->role;
    // A superuser may become everybody, also those that were made since.
    if (as_another && !target_->superuser && !target_->roles.contains(grant.grantor)) {
      run.report.skipped.push_back(
          fmt::format("{}, by {}: the role {} cannot do it in that one's name", grant.sql,
                      grant.grantor, target_->role));
      continue;
    }
    auto work = [&]() -> Status {
      if (as_another) {
        RETURN_IF_ERROR(
            connection.Query("SET ROLE " + postgres::QuoteIdentifier(grant.grantor)).status());
      }
      RETURN_IF_ERROR(connection.Query(grant.sql).status().Context(grant.sql));
      return as_another ? connection.Query("RESET ROLE").status() : Status();
    };
    if (!lenient) {
      RETURN_IF_ERROR(work());
      continue;
    }
    RETURN_IF_ERROR(connection.Query("SAVEPOINT before_grant").status());
    Status done = work();
    if (!done.ok()) {
      if (done.code() == Code::kConnection) return done;
      run.report.skipped.push_back(done.error().message);
      RETURN_IF_ERROR(connection.Query("ROLLBACK TO SAVEPOINT before_grant").status());
    }
    RETURN_IF_ERROR(connection.Query("RELEASE SAVEPOINT before_grant").status());
  }
  return {};
}

Status DefinitionScripts::GrantOnPublic(postgres::Connection& connection, LogicalRun& run) const {
  if (public_grants_.empty()) return {};
  ASSIGN_OR_RETURN(std::vector<std::string> revokes, sources::WithoutPublicGrants(connection));
  if (revokes.empty()) {
    run.report.skipped.push_back(fmt::format(
        "privileges on the schema public: the role {} may not set them, they are those of the "
        "target",
        target_->role));
    return {};
  }
  revokes.insert(revokes.end(), public_grants_.begin(), public_grants_.end());
  for (const std::string& statement : revokes) {
    RETURN_IF_ERROR(connection.Query(statement).status().Context(statement));
  }
  return {};
}

Status DefinitionScripts::MakeAll(postgres::Connection& connection, LogicalRun& run) const {
  if (!target_->superuser) {
    ASSIGN_OR_RETURN(std::vector<std::string> without,
                     sources::WithoutDefaultPrivileges(connection));
    for (const std::string& statement : without) {
      RETURN_IF_ERROR(connection.Query(statement).status().Context(statement));
    }
  }
  for (const Segment& segment : segments_) {
    if (segment.extension.empty()) {
      RETURN_IF_ERROR(connection.RunScript(segment.sql));
    } else {
      RETURN_IF_ERROR(MakeExtension(connection, run, segment)
                          .Context("making the extension " + segment.extension));
    }
  }
  RETURN_IF_ERROR(Grant(connection, run, grants_, false));
  RETURN_IF_ERROR(Grant(connection, run, grants_on_members_, true));
  RETURN_IF_ERROR(GrantOnPublic(connection, run));
  RETURN_IF_ERROR(Grant(connection, run, default_grants_, false));
  if (!beside_others_) return {};
  return connection.RunScript(fmt::format("CREATE SCHEMA {}; COMMENT ON SCHEMA {} IS {}",
                                          kRestoreMarker, kRestoreMarker,
                                          postgres::QuoteLiteral(RestoreNote(run, false))));
}

Status DefinitionScripts::MakeBeforeRows(LogicalRun& run) const {
  ASSIGN_OR_RETURN(postgres::Connection connection, OpenSession(run));
  return sources::InTransaction(connection, [&] { return MakeAll(connection, run); })
      .Context("making definitions");
}

Status DefinitionScripts::MakeAfterRows(LogicalRun& run) const {
  return sources::RestoreBeside(run.session.connection, schema_->archive(), plan_.after_rows,
                                run.threads(), schema_->ListPath());
}

Status DefinitionScripts::MakeAttempts(LogicalRun& run) const {
  if (attempts_.empty()) return {};
  ASSIGN_OR_RETURN(postgres::Connection connection, OpenSession(run));
  for (const Attempt& attempt : attempts_) {
    std::string why;
    ASSIGN_OR_RETURN(bool made,
                     TryInTransaction(
                         connection, [&] { return connection.RunScript(attempt.sql); }, why));
    if (!made) run.report.skipped.push_back(fmt::format("{}: {}", attempt.what, why));
  }
  return {};
}

Status DefinitionScripts::GrantOnOthers(LogicalRun& run) const {
  if (own_grants_on_others_.empty()) return {};
  ASSIGN_OR_RETURN(postgres::Connection connection, OpenSession(run));
  return sources::InTransaction(
      connection, [&] { return Grant(connection, run, own_grants_on_others_, true); });
}

}  // namespace pgcairn::commands
