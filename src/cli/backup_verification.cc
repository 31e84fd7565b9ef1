#include "cli/backup_verification.h"

#include <fmt/format.h>

#include "cli/exit_codes.h"
#include "cli/verify_output.h"
#include "commands/verify_after_backup.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

std::string DepthOf(const config::Settings& settings, const std::string& asked) {
  if (!asked.empty()) return asked;
  if (!settings.schedules.verify_after_backup) return "none";
  return settings.verification.depth == config::VerifyDepth::kDeep ? "deep" : "new";
}

}  // namespace

CLI::Option* BackupVerification::AddOption(CLI::App& verb, std::string& asked) {
  return verb
      .add_option("--verify", asked,
                  "how the backup is verified: none, new (what it stored) or deep (all that it "
                  "needs); default: as configured")
      ->check(CLI::IsMember({"none", "new", "deep"}).description(""))
      ->type_name("DEPTH");
}

BackupVerification::BackupVerification(const config::Settings& settings, const std::string& asked,
                                       const std::string& backup_id, ProgressStyle progress)
    : backup_id_(backup_id), depth_(DepthOf(settings, asked)) {
  if (depth_ == "none") return;
  report_ = commands::VerifyNewBackup(
      settings, backup_id,
      depth_ == "deep" ? config::VerifyDepth::kDeep : config::VerifyDepth::kNew, progress);
}

void BackupVerification::AddTo(Json& backup) const {
  backup["verified"] = report_ && report_->ok() ? Json((*report_)->good()) : Json(nullptr);
  backup["verification"] = nullptr;
  if (!report_) return;
  Json verification{{"depth", depth_}};
  if (report_->ok()) {
    verification.update(VerifyJson(**report_));
  } else {
    verification["error"] = {{"code", NameOf(report_->code())},
                             {"message", report_->error().message}};
  }
  backup["verification"] = std::move(verification);
}

void BackupVerification::PrintText() const {
  if (!report_ || !report_->ok()) return;
  const commands::VerifyReport& report = **report_;
  for (const std::string& warning : report.warnings) fmt::print("Warning: {}\n", warning);
  PrintDamaged(report);
  if (!report.good()) return;
  fmt::print("Verified: {} packs ({}) read back{}, {}\n", report.packs,
             FormatBytes(report.pack_bytes),
             report.packs_present > 0
                 ? fmt::format(", {} of earlier backups are there", report.packs_present)
                 : std::string(),
             FormatDuration(report.seconds));
}

int BackupVerification::Status() const {
  if (!report_) return 0;
  if (!report_->ok()) return Fail({}, report_->error());
  const commands::VerifyReport& report = **report_;
  if (report.good()) return 0;
  LogDamaged(report);
  bool recorded = false;
  for (const commands::DamagedObject& damaged : report.damaged) {
    recorded = recorded || damaged.recorded;
  }
  return Fail({},
              {Code::kDamaged,
               fmt::format("the backup {} is stored, but its verification found {} objects "
                           "damaged or missing",
                           backup_id_, report.damaged.size()),
               recorded ? "find out what damages them, then take another backup: it stores "
                          "again what is recorded as damaged"
                        : "find out why, then run `pgcairn verify --backup=" + backup_id_ + "`"});
}

}  // namespace pgcairn::cli
