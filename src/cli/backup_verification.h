// The verification that follows `pgcairn backup`: whether, what it says, how the run ends.
#pragma once

#include <optional>
#include <string>

#include "cli/verb.h"
#include "commands/verify_report.h"
#include "config/settings.h"
#include "util/result.h"

namespace pgcairn::cli {

class BackupVerification {
 public:
  // Adds --verify to the verb `backup`.
  static CLI::Option* AddOption(CLI::App& verb, std::string& asked);

  // Verifies the backup as `asked` says ("none", "new" or "deep"), or the settings when it is
  // empty.
  BackupVerification(const config::Settings& settings, const std::string& asked,
                     const std::string& backup_id, ProgressStyle progress);

  // `verified` and `verification` of docs/json.md, backup.
  void AddTo(Json& backup) const;
  void PrintText() const;
  // Says what is wrong; 0 when nothing is, or nothing was to be verified.
  int Status() const;

 private:
  std::string backup_id_;
  std::string depth_ = "none";
  std::optional<Result<commands::VerifyReport>> report_;
};

}  // namespace pgcairn::cli
