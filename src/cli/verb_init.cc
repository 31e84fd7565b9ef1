#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/verb.h"
#include "commands/init.h"

namespace pgcairn::cli {
namespace {

void PrintText(const commands::InitReport& report) {
  fmt::print("{} {}\n",
             report.repository_created ? "Made the repository" : "Repository:", report.repository);
  fmt::print("{} {} (PostgreSQL {}, system identifier {}, {})\n",
             report.cluster_created ? "Made the cluster" : "Cluster:", report.cluster,
             report.server_major, report.system_identifier,
             report.encrypted ? "encrypted" : "NOT encrypted");
  for (const std::string& file : report.files_created) fmt::print("Wrote {}\n", file);
  if (report.postgresql_conf.empty()) {
    fmt::print("\nNext: pgcairn check, then pgcairn backup\n");
    return;
  }
  fmt::print("\nPut these lines into postgresql.conf{}:\n\n",
             report.restart_needed ? " and restart the server" : " and reload the server");
  for (const std::string& line : report.postgresql_conf) fmt::print("{}\n", line);
  fmt::print(
      "\nA role that can do what backups need and nothing else (run as a superuser, optional):\n\n"
      "{}\n",
      report.least_privilege_sql);
  fmt::print("Next: pgcairn check, then pgcairn backup\n");
}

Json ToJson(const commands::InitReport& report) {
  return {{"repository", report.repository},
          {"repository_created", report.repository_created},
          {"cluster", report.cluster},
          {"cluster_created", report.cluster_created},
          {"encrypted", report.encrypted},
          {"key_file", report.key_file},
          {"config_file", report.config_file},
          {"files_created", report.files_created},
          {"system_identifier", std::to_string(report.system_identifier)},
          {"server_major", report.server_major},
          {"postgresql_conf", report.postgresql_conf},
          {"restart_needed", report.restart_needed},
          {"least_privilege_sql", report.least_privilege_sql}};
}

int RunInit(const GlobalOptions& globals, bool new_system) {
  Result<config::Settings> settings = Prepare(globals, true);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::InitOptions options;
  options.new_system = new_system;
  options.new_config_file = config::PlaceForNewConfig(ToLoadOptions(globals));
  options.show_recovery_sheet = [&](const std::string& sheet) {
    // The sheet holds a secret: it goes to the person at the terminal, never into JSON.
    std::FILE* to = globals.json ? stderr : stdout;
    fmt::print(to, "{}\n", sheet);
    std::fflush(to);
  };
  Result<commands::InitReport> report = commands::Init(std::move(*settings), options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ToJson(*report));
  } else {
    PrintText(*report);
  }
  return 0;
}

}  // namespace

void AddInit(CLI::App& app, Invocation& invocation) {
  CLI::App* verb =
      app.add_subcommand("init", "make the repository, the keys and, if absent, the configuration");
  auto new_system = std::make_shared<bool>(false);
  verb->add_flag("--new-system", *new_system,
                 "the server took the place of the one that the repository knows (pg_upgrade): go "
                 "on with it in the same cluster");
  verb->callback([&invocation, new_system] {
    invocation.run = [new_system](const GlobalOptions& globals) {
      return RunInit(globals, *new_system);
    };
  });
}

}  // namespace pgcairn::cli
