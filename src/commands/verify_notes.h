// Notes on backups that a verification found good.
#pragma once

#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "format/notes.pb.h"
#include "repository/cluster_access.h"

namespace pgcairn::commands {

// Retention counts from backups that are noted as verified. Once for each backup: who verifies
// every night does not write every night. What cannot be written is a warning.
void NoteVerifiedBackups(const repository::ClusterAccess& cluster,
                         const std::vector<std::string>& backup_ids,
                         format::Verification::Scope scope, Findings& findings);

}  // namespace pgcairn::commands
