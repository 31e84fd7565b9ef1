#include "sources/logical/schema_script.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "postgres/program_run.h"
#include "util/file.h"

namespace pgcairn::sources {
namespace {

constexpr int kFirstWithTransactionTimeout = 17;
constexpr std::string_view kSetting = "SET transaction_timeout ";

bool BelongsToHead(std::string_view line) {
  for (const std::string_view start :
       {"--", "\\restrict ", "BEGIN;", "SET ", "SELECT pg_catalog.set_config("}) {
    if (line.starts_with(start)) return true;
  }
  return line.empty();
}

Status WriteScript(const SchemaArchive& archive, std::vector<std::string> arguments,
                   const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd file, Open(path, O_WRONLY | O_CREAT | O_TRUNC));
  postgres::ProgramRun run;
  run.program = archive.pg_restore.path;
  run.environment = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"};
  run.arguments = std::move(arguments);
  run.arguments.insert(run.arguments.end(), {"--file=-", archive.path});
  ScriptHead head;
  RETURN_IF_ERROR(postgres::RunProgram(
      run, [&](ByteView piece) { return WriteAll(file.get(), AsBytes(head.Pass(piece)), path); }));
  RETURN_IF_ERROR(WriteAll(file.get(), AsBytes(head.Rest()), path));
  return file.Close(path);
}

}  // namespace

bool NeedsScript(const postgres::ClientProgram& pg_restore, int server_major) {
  return pg_restore.major >= kFirstWithTransactionTimeout &&
         server_major < kFirstWithTransactionTimeout;
}

std::string ScriptHead::Pass(ByteView piece) {
  if (over_) return std::string(AsText(piece));
  head_ += AsText(piece);
  std::string passed;
  size_t begin = 0;
  for (size_t end = head_.find('\n'); !over_ && end != std::string::npos;
       end = head_.find('\n', begin)) {
    const std::string_view line = std::string_view(head_).substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with(kSetting)) continue;
    over_ = !BelongsToHead(line);
    passed.append(line).push_back('\n');
  }
  if (over_) return passed + std::exchange(head_, {}).substr(begin);
  head_.erase(0, begin);
  return passed;
}

std::string ScriptHead::Rest() { return std::exchange(head_, {}); }

Status RestoreByScript(const postgres::Connection& connection, const SchemaArchive& archive,
                       std::vector<std::string> arguments) {
  const std::string script = archive.path + ".sql";
  RETURN_IF_ERROR(WriteScript(archive, std::move(arguments), script));
  postgres::ProgramRun run;
  run.program = DirectoryOf(archive.pg_restore.path) + "/psql";
  run.arguments = {"--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1",
                   "--file=" + script};
  run.environment = connection.EnvironmentForPrograms();
  run.environment.insert(run.environment.end(), {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"});
  return postgres::RunProgram(run, [](ByteView) { return Status(); });
}

}  // namespace pgcairn::sources
