#include "sources/logical/schema_restore.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "postgres/program_run.h"
#include "sources/logical/schema_script.h"
#include "util/bytes.h"
#include "util/file.h"

namespace pgcairn::sources {
namespace {

constexpr size_t kListBytesMax = size_t{256} << 20;

postgres::ProgramRun RunOf(const SchemaArchive& archive) {
  postgres::ProgramRun run;
  run.program = archive.pg_restore.path;
  run.environment = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"};
  return run;
}

Status Run(const postgres::Connection& connection, const SchemaArchive& archive,
           std::vector<std::string> arguments) {
  if (NeedsScript(archive.pg_restore, connection.server_major())) {
    return RestoreByScript(connection, archive, std::move(arguments));
  }
  postgres::ProgramRun run = RunOf(archive);
  for (std::string& variable : connection.EnvironmentForPrograms()) {
    run.environment.push_back(std::move(variable));
  }
  run.arguments = std::move(arguments);
  // The database comes from the environment, as all else does.
  run.arguments.insert(run.arguments.end(),
                       {"--dbname=", "--no-password", "--exit-on-error", archive.path});
  return postgres::RunProgram(run, [](ByteView) { return Status(); });
}

// The number at the beginning of `text`, which is taken off with what follows it.
std::optional<uint32_t> TakeNumber(std::string_view& text, std::string_view behind) {
  uint32_t number = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.starts_with(behind)) return std::nullopt;
  text.remove_prefix(behind.size());
  return number;
}

std::optional<ArchiveEntry> EntryOf(std::string_view line) {
  ArchiveEntry entry;
  std::optional<uint32_t> id = TakeNumber(line, "; ");
  std::optional<uint32_t> catalog = id ? TakeNumber(line, " ") : std::nullopt;
  std::optional<uint32_t> oid = catalog ? TakeNumber(line, " ") : std::nullopt;
  if (!oid) return std::nullopt;
  return ArchiveEntry{*id, *catalog, *oid, std::string(line), {}};
}

// Lines as PrintTOCSummary of src/bin/pg_dump/pg_backup_archiver.c writes them; every other line
// is a comment.
Result<std::vector<ArchiveEntry>> ParseList(const std::string& list) {
  constexpr std::string_view kNeeds = ";\tdepends on:";
  std::vector<ArchiveEntry> entries;
  std::istringstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = line;
    if (rest.starts_with(kNeeds) && !entries.empty()) {
      rest.remove_prefix(kNeeds.size());
      while (rest.starts_with(' ')) {
        rest.remove_prefix(1);
        std::optional<uint32_t> id = TakeNumber(rest, "");
        if (id) entries.back().needs.push_back(*id);
      }
    } else if (!rest.empty() && !rest.starts_with(';')) {
      std::optional<ArchiveEntry> entry = EntryOf(rest);
      if (!entry) {
        return Error{Code::kDamaged, fmt::format("pg_restore lists \"{}\"", line), ""};
      }
      entries.push_back(*std::move(entry));
    }
  }
  return entries;
}

}  // namespace

Status RestoreSection(const postgres::Connection& connection, const SchemaArchive& archive,
                      SchemaSection section, size_t jobs) {
  const std::string name = section == SchemaSection::kPreData ? "pre-data" : "post-data";
  std::vector<std::string> arguments = {"--section=" + name};
  if (jobs <= 1) {
    arguments.emplace_back("--single-transaction");
  } else if (!NeedsScript(archive.pg_restore, connection.server_major())) {
    // Not both: each job has a session of its own, and a script is one session's.
    arguments.push_back(fmt::format("--jobs={}", jobs));
  }
  return Run(connection, archive, std::move(arguments))
      .Context(fmt::format("restoring the definitions of the section {}", name));
}

Result<std::vector<ArchiveEntry>> ListArchive(const SchemaArchive& archive) {
  postgres::ProgramRun run = RunOf(archive);
  run.arguments = {"--list", "--verbose", archive.path};
  std::string list;
  RETURN_IF_ERROR(postgres::RunProgram(run, [&](ByteView piece) -> Status {
                    list += AsText(piece);
                    if (list.size() <= kListBytesMax) return {};
                    return Error{Code::kDamaged, "the list is too long", ""};
                  }).Context("listing the definitions of the backup"));
  return ParseList(list);
}

Status RestoreEntries(const postgres::Connection& connection, const SchemaArchive& archive,
                      const std::vector<uint32_t>& ids, const std::string& list_path) {
  // Of a line pg_restore reads the number alone (SortTocFromFile of the same file).
  const std::string list = fmt::format("{};\n", fmt::join(ids, ";\n"));
  RETURN_IF_ERROR(WriteFileDurably(list_path, AsBytes(list)));
  return Run(connection, archive, {"--use-list=" + list_path, "--single-transaction"})
      .Context("restoring definitions");
}

}  // namespace pgcairn::sources
