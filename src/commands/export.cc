#include "commands/export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "commands/export_directory.h"
#include "commands/export_selection.h"
#include "commands/export_sql.h"
#include "commands/extension_rows.h"
#include "commands/logical_contents.h"
#include "commands/logical_source.h"
#include "commands/open_cluster.h"
#include "commands/reading_lease.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/new_path.h"
#include "util/shell_quoting.h"

namespace pgcairn::commands {
namespace {

// Gathers short statements into long writes.
class BufferedFile {
 public:
  BufferedFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  Status Append(ByteView bytes) {
    if (buffer_.size() + bytes.size() > kBufferBytes) RETURN_IF_ERROR(Flush());
    if (bytes.size() > kBufferBytes) return WriteAll(fd_, bytes, name_);
    pgcairn::Append(buffer_, bytes);
    return {};
  }
  Status Flush() {
    RETURN_IF_ERROR(WriteAll(fd_, buffer_, name_));
    buffer_.clear();
    return {};
  }

 private:
  static constexpr size_t kBufferBytes = size_t{1} << 20;

  const int fd_;
  const std::string name_;
  Bytes buffer_;
};

template <typename Write>
Status FillFile(const std::string& path, const Write& write) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY));
  BufferedFile file(fd.get(), path);
  RETURN_IF_ERROR(write([&file](ByteView bytes) { return file.Append(bytes); }));
  RETURN_IF_ERROR(file.Flush());
  return fd.Close(path);
}

// The repository holds nothing but its own objects.
Status RequireOutside(const std::string& path, const config::Settings& settings) {
  std::error_code ignored;
  const std::string inside = std::filesystem::weakly_canonical(path, ignored).string();
  const std::string repository =
      std::filesystem::weakly_canonical(settings.storage.local_path, ignored).string();
  if (!inside.starts_with(repository + "/")) return {};
  return Error{Code::kRefused, fmt::format("{} lies inside the repository", path),
               "write it somewhere else"};
}

// `silent`: keys are not to be watched over while rows go in.
std::vector<std::string> NextCommands(const ExportReport& report, bool silent) {
  if (report.target.empty()) return {};
  const std::string target = QuoteForShell(report.target);
  std::vector<std::string> commands;
  if (!report.roles_file.empty()) {
    commands.push_back("psql -X -d postgres -f " + QuoteForShell(report.roles_file));
  }
  commands.push_back(
      fmt::format("createdb --template=template0 --encoding={} NEW", report.encoding));
  const std::string options = silent ? "PGOPTIONS='-c session_replication_role=replica' " : "";
  commands.push_back(options +
                     (report.format == ExportFormat::kSql
                          ? fmt::format("psql -X -1 -v ON_ERROR_STOP=1 -d NEW -f {}", target)
                          : fmt::format("pg_restore --exit-on-error -j 4 -d NEW {}", target)));
  commands.emplace_back("vacuumdb --analyze NEW");
  return commands;
}

uint64_t BytesOf(const format::LogicalCatalog& catalog) {
  uint64_t bytes = 0;
  for (const format::LogicalTable& table : catalog.tables()) bytes += table.bytes();
  // Two digits for each byte.
  for (const format::LogicalLargeObject& object : catalog.large_objects()) {
    bytes += 2 * object.size();
  }
  return bytes;
}

Status WriteTarget(const config::Settings& settings, const ExportOptions& options,
                   const LogicalContents& contents, const ExportSelection& selection,
                   const std::string& backup_id) {
  Progress progress(options.progress, "export", BytesOf(selection.catalog));
  std::optional<NewPath> roles;
  if (!options.roles_file.empty()) {
    ASSIGN_OR_RETURN(NewPath made, NewPath::Make(options.roles_file, NewPath::Kind::kFile));
    roles.emplace(std::move(made));
    RETURN_IF_ERROR(FillFile(roles->temporary(), [&](const TakeBytes& take) {
      return WriteDocument(contents, "roles.sql", take);
    }));
  }
  std::optional<NewPath> target;
  if (options.target.empty()) {
    BufferedFile out(STDOUT_FILENO, "standard output");
    RETURN_IF_ERROR(WriteSqlScript(contents, selection, backup_id, true, progress,
                                   [&out](ByteView bytes) { return out.Append(bytes); }));
    RETURN_IF_ERROR(out.Flush());
  } else {
    const bool folder = options.format == ExportFormat::kDirectory;
    ASSIGN_OR_RETURN(NewPath made, NewPath::Make(options.target, folder ? NewPath::Kind::kFolder
                                                                        : NewPath::Kind::kFile));
    target.emplace(std::move(made));
    RETURN_IF_ERROR(
        folder ? WriteArchiveFolder(contents, selection, target->temporary(),
                                    static_cast<size_t>(settings.performance.jobs), progress)
               : FillFile(target->temporary(), [&](const TakeBytes& take) {
                   return WriteSqlScript(contents, selection, backup_id, false, progress, take);
                 }));
  }
  // The target gets its name last: when it is there, all is.
  if (roles) RETURN_IF_ERROR(roles->Publish());
  if (target) RETURN_IF_ERROR(target->Publish());
  progress.Finish();
  return {};
}

ExportReport Describe(const ExportOptions& options, const LogicalContents& contents,
                      const ExportSelection& selection, const std::string& backup_id) {
  const format::LogicalCatalog& catalog = selection.catalog;
  ExportReport report;
  report.backup_id = backup_id;
  report.database = catalog.database();
  report.encoding = catalog.encoding();
  report.format = options.format;
  report.target = options.target;
  report.roles_file = options.roles_file;
  report.tables = static_cast<uint64_t>(catalog.tables_size());
  for (const format::LogicalTable& table : catalog.tables()) report.rows += table.rows();
  report.large_objects = static_cast<uint64_t>(catalog.large_objects_size());
  report.sequences = static_cast<uint64_t>(catalog.sequences_size());
  report.left_out = contents.left_out();
  report.left_out.insert(report.left_out.end(), selection.lines.begin(), selection.lines.end());
  const std::vector<std::string> circles = CirclesOfExtensions(catalog);
  for (const std::string& circle : circles) {
    report.warnings.push_back(fmt::format(
        "{}: who loads them must be a superuser, with session_replication_role = replica", circle));
  }
  report.next_commands = NextCommands(report, !circles.empty());
  return report;
}

}  // namespace

Result<ExportReport> Export(const config::Settings& settings, const ExportOptions& options) {
  const double began = MonotonicSeconds();
  for (const std::string& path : {options.target, options.roles_file}) {
    if (!path.empty()) RETURN_IF_ERROR(RequireOutside(path, settings));
  }
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  // Definitions alone are exported when they are asked for by name.
  const LogicalNeed need =
      options.source == "latest" ? LogicalNeed::kRows : LogicalNeed::kDefinitions;
  ASSIGN_OR_RETURN(format::Manifest manifest,
                   ChooseLogicalBackup(*opened.cluster, options.source, need));
  ASSIGN_OR_RETURN(ReadingLease lease, ReadingLease::Take(*opened.cluster, format::Lease::RESTORE,
                                                          manifest.backup_id()));
  ASSIGN_OR_RETURN(LogicalContents contents, LogicalContents::Open(*opened.cluster, manifest));
  ASSIGN_OR_RETURN(ExportSelection selection,
                   SelectForExport(contents, options.format == ExportFormat::kDirectory));
  RETURN_IF_ERROR(WriteTarget(settings, options, contents, selection, manifest.backup_id()));
  ExportReport report = Describe(options, contents, selection, manifest.backup_id());
  report.seconds = MonotonicSeconds() - began;
  return report;
}

}  // namespace pgcairn::commands
