#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/new_passphrase.h"
#include "cli/verb.h"
#include "commands/key_change.h"
#include "commands/key_list.h"
#include "util/file.h"

namespace pgcairn::cli {
namespace {

struct KeyArguments {
  std::string key_file;
  bool passphrase = false;
  std::string passphrase_file;
  bool recovery_sheet = false;
  std::string label;
  std::vector<std::string> ids;
  bool even_mine = false;
  std::string replaced;

  bool WantsPassphrase() const { return passphrase || !passphrase_file.empty(); }
};

Json ToJson(const commands::KeyListing& listing) {
  Json keys = Json::array();
  for (const commands::ListedKey& key : listing.keys) {
    keys.push_back({{"id", key.id},
                    {"kind", key.kind},
                    {"label", key.label},
                    {"created_at", key.created.ToIso()},
                    {"opened_with", key.opened_with},
                    {"problem", key.problem}});
  }
  Json removed = Json::array();
  for (const commands::RemovedKey& key : listing.removed) {
    removed.push_back({{"id", key.id},
                       {"kind", key.kind},
                       {"label", key.label},
                       {"created_at", key.created.ToIso()},
                       {"removed_at", key.removed.ToIso()}});
  }
  return {
      {"cluster", listing.cluster},
      {"encrypted", listing.encrypted},
      {"generation", listing.generation},
      {"epoch", listing.epoch},
      {"epoch_began_at", listing.epoch_began ? Json(listing.epoch_began->ToIso()) : Json(nullptr)},
      {"opened_with", listing.opened_with.empty() ? Json(nullptr) : Json(listing.opened_with)},
      {"not_opened", listing.not_opened},
      {"keys", keys},
      {"removed", removed},
      {"leftovers", listing.leftovers}};
}

void PrintText(const commands::KeyListing& listing) {
  fmt::print("Cluster {}: ", listing.cluster);
  if (!listing.encrypted) {
    fmt::print("NOT encrypted, it has no keys\n");
    return;
  }
  fmt::print("root of generation {}, key epoch {}{}\n\n", listing.generation, listing.epoch,
             listing.epoch_began ? " since " + listing.epoch_began->ToText() : "");
  for (const commands::ListedKey& key : listing.keys) {
    fmt::print("  {}  {:<10}  {}  {}{}{}\n", key.id, key.kind, key.created.ToText(), key.label,
               key.opened_with ? "  (opened with it)" : "",
               key.problem.empty() ? "" : "  PROBLEM: " + key.problem);
  }
  if (!listing.not_opened.empty()) {
    fmt::print("\nNone of them was opened here: {}\n", listing.not_opened);
  }
  if (!listing.removed.empty()) fmt::print("\nRemoved\n\n");
  for (const commands::RemovedKey& key : listing.removed) {
    fmt::print("  {}  {:<10}  {}  {}\n", key.id, key.kind, key.removed.ToText(), key.label);
  }
  if (listing.leftovers > 0) {
    fmt::print(
        "\n{} access keys of other roots are stored: a run that changes the keys goes on, "
        "or was interrupted; the next key command removes them\n",
        listing.leftovers);
  }
}

int ListKeys(const GlobalOptions& globals) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Result<commands::KeyListing> listing = commands::ListKeys(*settings);
  if (!listing.ok()) return Fail(globals, listing.error());
  if (globals.json) {
    PrintJson(ToJson(*listing));
  } else {
    PrintText(*listing);
  }
  return 0;
}

Json ToJson(const commands::KeyChangeReport& report) {
  return {{"cluster", report.cluster},   {"generation", report.generation},
          {"epoch", report.epoch},       {"added", report.added},
          {"removed", report.removed},   {"keys", report.keys},
          {"key_file", report.key_file}, {"key_file_created", report.key_file_created}};
}

int Report(const GlobalOptions& globals, const Result<commands::KeyChangeReport>& report,
           const std::string& next) {
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ToJson(*report));
    return 0;
  }
  for (const std::string& id : report->added) fmt::print("Added access key {}\n", id);
  for (const std::string& id : report->removed) fmt::print("Removed access key {}\n", id);
  if (!report->key_file.empty()) {
    fmt::print("{} {}\n", report->key_file_created ? "Wrote" : "Took the key in", report->key_file);
  }
  fmt::print(
      "Cluster {}: root of generation {}, key epoch {}; {} open it. What was stored before "
      "stays readable.\n",
      report->cluster, report->generation, report->epoch,
      report->keys.size() == 1 ? "1 access key can"
                               : fmt::format("{} access keys can", report->keys.size()));
  if (!next.empty()) fmt::print("Next: {}\n", next);
  return 0;
}

Result<std::string> FromWorkingDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::path directory = std::filesystem::current_path(error);
  if (error && !path.starts_with('/')) {
    return Error{Code::kUsage,
                 fmt::format("{} is relative, and the working directory is not known", path),
                 "give a full path"};
  }
  return AbsolutePath(path, error ? "/" : directory.string());
}

int AddKeyOf(const GlobalOptions& globals, const KeyArguments& arguments) {
  const int kinds = static_cast<int>(!arguments.key_file.empty()) +
                    static_cast<int>(arguments.WantsPassphrase()) +
                    static_cast<int>(arguments.recovery_sheet);
  if (kinds != 1) {
    return Fail(globals, {Code::kUsage, "what kind of key is to be added is not clear",
                          "give one of --key-file, --passphrase and --recovery-sheet"});
  }
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::KeyAddOptions options;
  options.label = arguments.label;
  options.recovery_sheet = arguments.recovery_sheet;
  options.show_recovery_sheet = [&](const std::string& sheet) {
    // The sheet holds a secret: it goes to the person at the terminal, never into JSON.
    std::FILE* to = globals.json ? stderr : stdout;
    fmt::print(to, "{}\n", sheet);
    std::fflush(to);
  };
  if (!arguments.key_file.empty()) {
    Result<std::string> path = FromWorkingDirectory(arguments.key_file);
    if (!path.ok()) return Fail(globals, path.error());
    options.key_file = *path;
  }
  if (arguments.WantsPassphrase()) {
    Result<config::Secret> passphrase = ReadNewPassphrase(arguments.passphrase_file);
    if (!passphrase.ok()) return Fail(globals, passphrase.error());
    options.passphrase = std::move(*passphrase);
  }
  return Report(globals, commands::AddKey(*settings, options), "");
}

int RemoveKey(const GlobalOptions& globals, const KeyArguments& arguments) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  return Report(globals, commands::RemoveKeys(*settings, arguments.ids, arguments.even_mine), "");
}

int RotateKeys(const GlobalOptions& globals, const KeyArguments& arguments) {
  if (!arguments.replaced.empty() && !arguments.WantsPassphrase()) {
    return Fail(globals, {Code::kUsage, "--replace names a passphrase, and no new one is given",
                          "give --passphrase too"});
  }
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::KeyRotateOptions options;
  options.replaced = arguments.replaced;
  std::string next;
  if (arguments.WantsPassphrase()) {
    Result<config::Secret> passphrase = ReadNewPassphrase(arguments.passphrase_file);
    if (!passphrase.ok()) return Fail(globals, passphrase.error());
    if (passphrase->Reveal() == settings->encryption.passphrase.Reveal()) {
      return Fail(globals, {Code::kUsage, "the new passphrase is the one in use",
                            "choose another one, or rotate without --passphrase"});
    }
    options.passphrase = std::move(*passphrase);
    next =
        "put the new passphrase into BACKUP_ENCRYPTION_KEY wherever the old one stands, and on "
        "paper";
  }
  return Report(globals, commands::RotateKeys(*settings, options), next);
}

using Verb = int (*)(const GlobalOptions&, const KeyArguments&);

void RunKeyVerb(CLI::App* verb, Invocation& invocation,
                const std::shared_ptr<KeyArguments>& arguments, Verb run) {
  verb->callback([&invocation, arguments, run] {
    invocation.run = [arguments, run](const GlobalOptions& globals) {
      return run(globals, *arguments);
    };
  });
}

void AddPassphraseOptions(CLI::App* verb, KeyArguments& arguments, const std::string& what) {
  verb->add_flag("--passphrase", arguments.passphrase,
                 what + ": from BACKUP_ENCRYPTION_KEY_NEW, or asked for on the terminal")
      ->disable_flag_override();  // else the error would repeat what follows the "="
  verb->add_option("--passphrase-file", arguments.passphrase_file,
                   "the same, from the first line of a file")
      ->type_name("FILE");
}

}  // namespace

void AddKey(CLI::App& app, Invocation& invocation) {
  CLI::App* key = app.add_subcommand("key", "who can open the cluster");
  key->require_subcommand(1);
  auto arguments = std::make_shared<KeyArguments>();
  CLI::App* list = key->add_subcommand("list", "access keys, and which one opens it here");
  list->callback([&invocation] { invocation.run = ListKeys; });

  CLI::App* add = key->add_subcommand("add", "another way in");
  add->add_option("--key-file", arguments->key_file, "a key file: made, unless it is one already")
      ->type_name("FILE");
  AddPassphraseOptions(add, *arguments, "a passphrase");
  add->add_flag("--recovery-sheet", arguments->recovery_sheet,
                "a key on paper: printed once, stored nowhere");
  add->add_option("--label", arguments->label, "what `key list` calls it; not secret")
      ->type_name("TEXT");
  RunKeyVerb(add, invocation, arguments, AddKeyOf);

  CLI::App* remove = key->add_subcommand("remove", "closes what is written from now on to keys");
  remove->add_option("ID", arguments->ids, "as `key list` names them; the first digits will do")
      ->required();
  remove->add_flag("--even-mine", arguments->even_mine,
                   "also the one that this host opens the cluster with");
  RunKeyVerb(remove, invocation, arguments, RemoveKey);

  CLI::App* rotate = key->add_subcommand("rotate", "new root and data key, the same access keys");
  AddPassphraseOptions(rotate, *arguments, "exchange the passphrase for a new one");
  rotate->add_option("--replace", arguments->replaced, "which one, where there are several")
      ->type_name("ID");
  RunKeyVerb(rotate, invocation, arguments, RotateKeys);
}

}  // namespace pgcairn::cli
