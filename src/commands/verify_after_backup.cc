#include "commands/verify_after_backup.h"

#include <fmt/format.h>

#include "commands/verify.h"

namespace pgcairn::commands {

Result<VerifyReport> VerifyNewBackup(const config::Settings& settings, const std::string& backup_id,
                                     config::VerifyDepth depth, ProgressStyle progress) {
  VerifyOptions options;
  options.scope = depth == config::VerifyDepth::kDeep ? VerifyOptions::Scope::kBackup
                                                      : VerifyOptions::Scope::kNew;
  options.backup = backup_id;
  options.threads = static_cast<size_t>(settings.performance.jobs);
  options.progress = progress;
  return Verify(settings, options)
      .Context(fmt::format("the backup {} is stored, but was not verified", backup_id));
}

}  // namespace pgcairn::commands
