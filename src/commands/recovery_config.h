// The settings that make a restored directory recover to its target.
#pragma once

#include <string>
#include <string_view>

#include "commands/recovery_plan.h"
#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RecoverySettings {
  std::string restore_command;     // as PostgreSQL runs it: %f and %p
  std::string action = "promote";  // recovery_target_action
  bool keep_archive_mode = false;  // else archive_mode = off
};

// `auto_conf` (the restored postgresql.auto.conf) without the recovery settings and restore_command
// of old, and with those for `plan` at its end: also with those that `plan` does not need, for
// postgresql.conf may still say something else. archive_mode is set off unless it is to be kept: a
// copy that archived into its origin's place would spoil it.
std::string RewriteAutoConf(std::string_view auto_conf, const RecoveryPlan& plan,
                            const RecoverySettings& settings);

// The restore_command (or archive_command, with "push %p") of this program and configuration, with
// absolute paths, quoted for the shell.
Result<std::string> WalCommand(const config::Settings& settings, std::string_view arguments);

// 'text' as a value of postgresql.conf, quoted.
std::string QuoteSetting(std::string_view text);

}  // namespace pgcairn::commands
