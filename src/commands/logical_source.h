// Which logical backup to restore, and its definitions as a file.
#pragma once

#include <string>

#include "commands/database_contents.h"
#include "commands/trial_directory.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "sources/logical/schema_restore.h"
#include "util/result.h"

namespace pgcairn::commands {

// Backups of the type `schema` have definitions alone.
enum class LogicalNeed { kDefinitions, kRows };

// `source` is "latest" (the newest logical backup that has what is needed) or a backup's id.
// kUsage: that one is physical or has no rows, or all are. kNotFound.
Result<format::Manifest> ChooseLogicalBackup(const repository::ClusterAccess& cluster,
                                             const std::string& source, LogicalNeed need);

// The definitions in a directory that nobody else can look into and that goes with this
// object.
class SchemaFile {
 public:
  // `parent` is where directories for trials go; `bin_dir` may be empty. kNotFound, kUsage: there
  // is no pg_restore that reads it.
  static Result<SchemaFile> Fetch(const DatabaseContents& contents, const std::string& parent,
                                  const std::string& bin_dir);

  const sources::SchemaArchive& archive() const { return archive_; }
  // For RestoreEntries.
  std::string ListPath() const { return directory_.path() + "/entries"; }

 private:
  SchemaFile(TrialDirectory directory, postgres::ClientProgram pg_restore);

  TrialDirectory directory_;
  sources::SchemaArchive archive_;
};

}  // namespace pgcairn::commands
