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
// What the server takes as one text.
constexpr size_t kScriptBytesMax = size_t{1} << 30;

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

Result<std::string> OutputOf(const SchemaArchive& archive, std::vector<std::string> arguments,
                             size_t bytes_max) {
  postgres::ProgramRun run = RunOf(archive);
  run.arguments = std::move(arguments);
  run.arguments.push_back(archive.path);
  std::string output;
  RETURN_IF_ERROR(postgres::RunProgram(run, [&](ByteView piece) -> Status {
    output += AsText(piece);
    if (output.size() <= bytes_max) return {};
    return Error{Code::kDamaged, "pg_restore writes more than it can be", ""};
  }));
  return output;
}

Result<std::vector<ArchiveEntry>> List(const SchemaArchive& archive,
                                       std::vector<std::string> arguments) {
  arguments.emplace_back("--list");
  ASSIGN_OR_RETURN(std::string list, OutputOf(archive, std::move(arguments), kListBytesMax)
                                         .Context("listing the definitions of the backup"));
  return ParseList(list);
}

// Of a line pg_restore reads the number alone (SortTocFromFile of the same file).
Status WriteList(const std::vector<uint32_t>& ids, const std::string& path) {
  const std::string list = fmt::format("{};\n", fmt::join(ids, ";\n"));
  return WriteFileDurably(path, AsBytes(list));
}

// Newer ones tell psql to take no commands of its own but the one that ends it, by a token that
// nobody can know beforehand (RestoreArchive of the same file).
void TakeOutRestriction(std::string& script) {
  constexpr std::string_view kBegin = "\n\\restrict ";
  const size_t begin = script.find(kBegin);
  if (begin == std::string::npos) return;
  const size_t token_at = begin + kBegin.size();
  const size_t line_end = script.find('\n', token_at);
  if (line_end == std::string::npos) return;
  const std::string end = "\n\\unrestrict " + script.substr(token_at, line_end - token_at) + "\n";
  script.erase(begin, line_end - begin);
  if (const size_t at = script.rfind(end); at != std::string::npos) {
    script.erase(at, end.size() - 1);
  }
}

}  // namespace

Result<std::vector<ArchiveEntry>> ListArchive(const SchemaArchive& archive) {
  return List(archive, {"--verbose"});
}

Result<std::vector<ArchiveEntry>> ListSection(const SchemaArchive& archive, SchemaSection section) {
  // --verbose would list all of them (PrintTOCSummary of the same file).
  return List(archive,
              {section == SchemaSection::kPreData ? "--section=pre-data" : "--section=post-data"});
}

Result<std::string> ScriptOf(const SchemaArchive& archive, const std::vector<uint32_t>& ids,
                             OwnersInScript owners, const std::string& list_path) {
  RETURN_IF_ERROR(WriteList(ids, list_path));
  std::vector<std::string> arguments{"--use-list=" + list_path, "--file=-"};
  if (owners == OwnersInScript::kNone) arguments.emplace_back("--no-owner");
  ASSIGN_OR_RETURN(std::string script, OutputOf(archive, std::move(arguments), kScriptBytesMax)
                                           .Context("reading definitions of the backup"));
  TakeOutRestriction(script);
  ScriptHead head;
  std::string known_to_all = head.Pass(AsBytes(script));
  known_to_all += head.Rest();
  return known_to_all;
}

Status RestoreBeside(const postgres::Connection& connection, const SchemaArchive& archive,
                     const std::vector<uint32_t>& ids, size_t jobs, const std::string& list_path) {
  if (ids.empty()) return {};
  RETURN_IF_ERROR(WriteList(ids, list_path));
  std::vector<std::string> arguments{"--use-list=" + list_path};
  // A script is one session's.
  if (!NeedsScript(archive.pg_restore, connection.server_major())) {
    arguments.push_back(fmt::format("--jobs={}", jobs));
  }
  return Run(connection, archive, std::move(arguments)).Context("restoring definitions");
}

Status RestoreEntries(const postgres::Connection& connection, const SchemaArchive& archive,
                      const std::vector<uint32_t>& ids, const std::string& list_path) {
  RETURN_IF_ERROR(WriteList(ids, list_path));
  return Run(connection, archive, {"--use-list=" + list_path, "--single-transaction"})
      .Context("restoring definitions");
}

}  // namespace pgcairn::sources
