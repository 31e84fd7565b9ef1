// One verb of the command line, and how its end becomes an exit status.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/startup.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::cli {

using Json = nlohmann::ordered_json;

// What main runs once the command line is understood: returns the exit status.
struct Invocation {
  GlobalOptions globals;
  std::function<int(const GlobalOptions&)> run;
};

// Each adds its verb to `app`; when the verb is named, `invocation.run` is set.
void AddInit(CLI::App& app, Invocation& invocation);
void AddCheck(CLI::App& app, Invocation& invocation);
void AddBackup(CLI::App& app, Invocation& invocation);
void AddList(CLI::App& app, Invocation& invocation);
void AddShow(CLI::App& app, Invocation& invocation);
void AddVerify(CLI::App& app, Invocation& invocation);
void AddRestore(CLI::App& app, Invocation& invocation);
void AddExport(CLI::App& app, Invocation& invocation);
void AddKey(CLI::App& app, Invocation& invocation);
void AddWal(CLI::App& app, Invocation& invocation);
void AddPrune(CLI::App& app, Invocation& invocation);
void AddPin(CLI::App& app, Invocation& invocation);

// A command line that asks for what cannot be.
Error UsageError(std::string message, std::string hint);
// Prints the error for people, and with --output=json for programs; returns its exit status.
int Fail(const GlobalOptions& globals, const Error& error);
void PrintJson(const Json& json);
ProgressStyle ProgressFor(const GlobalOptions& globals);

}  // namespace pgcairn::cli
