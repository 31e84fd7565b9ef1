#include "commands/logical_source.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>
#include <vector>

#include "commands/newest_backup.h"
#include "postgres/client_programs.h"
#include "repository/manifest/manifest_store.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

Error NotLogical(const std::string& what) {
  return {Code::kUsage, what,
          "a physical backup is restored to a directory: --target-dir=DIR, without --target-url"};
}

Error HasNoRows(const std::string& what) {
  return {Code::kUsage, what,
          "--type=schema restores the definitions; for rows name another backup (`pgcairn list`)"};
}

// "pg_dump 15", "pg_dump (PostgreSQL) 15.14 (Debian ...)": a dump is read by programs as new as its
// own.
int MajorOfDump(const format::LogicalCatalog& catalog) {
  const std::string& program = catalog.dump_program();
  int major = 0;
  if (const size_t at = program.find_first_of("0123456789"); at != std::string::npos) {
    std::from_chars(program.data() + at, program.data() + program.size(), major);
  }
  return major > 0 ? major : static_cast<int>(catalog.server_version_num() / 10000);
}

bool Has(const format::Manifest& manifest, LogicalNeed need) {
  return need == LogicalNeed::kDefinitions || HoldsRows(manifest);
}

}  // namespace

Result<format::Manifest> ChooseLogicalBackup(const repository::ClusterAccess& cluster,
                                             const std::string& source, LogicalNeed need) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  ASSIGN_OR_RETURN(std::string asked_for, repository::ResolveBackupId(ids, source));
  if (source != "latest") {
    ASSIGN_OR_RETURN(repository::StoredManifest stored,
                     repository::ReadManifest(cluster, asked_for));
    if (stored.manifest.method() != format::Manifest::LOGICAL) {
      return NotLogical(fmt::format("{} is a physical backup", asked_for));
    }
    if (Has(stored.manifest, need)) return std::move(stored.manifest);
    return HasNoRows(fmt::format("{} holds definitions and no rows (type schema)", asked_for));
  }
  bool any_schema = false;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, *id);
    if (stored.ok() && stored->manifest.method() == format::Manifest::LOGICAL) {
      if (Has(stored->manifest, need)) return std::move(stored->manifest);
      any_schema = true;
    }
    if (stored.ok()) continue;
    if (stored.code() != Code::kDamaged) return stored.error();
    LogWarning("{} is left out: {}", *id, stored.error().message);
  }
  if (any_schema) return HasNoRows("the logical backups that can be read are of the type schema");
  return NotLogical("no backup that can be read is a logical one");
}

SchemaFile::SchemaFile(TrialDirectory directory, postgres::ClientProgram pg_restore)
    : directory_(std::move(directory)),
      archive_{std::move(pg_restore), directory_.path() + "/schema.dump"} {}

Result<SchemaFile> SchemaFile::Fetch(const DatabaseContents& contents, const std::string& parent,
                                     const std::string& bin_dir) {
  ASSIGN_OR_RETURN(
      postgres::ClientProgram pg_restore,
      postgres::FindClientProgram("pg_restore", MajorOfDump(contents.catalog()), bin_dir));
  ASSIGN_OR_RETURN(TrialDirectory directory, TrialDirectory::Make(parent));
  SchemaFile file(std::move(directory), std::move(pg_restore));
  RETURN_IF_ERROR(contents.WriteDefinitions(file.archive_.path));
  return file;
}

}  // namespace pgcairn::commands
