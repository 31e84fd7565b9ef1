#include "commands/verify_notes.h"

#include "repository/notes/note_store.h"
#include "util/clock.h"

namespace pgcairn::commands {
namespace {

Status NoteOnce(const repository::ClusterAccess& cluster, const std::string& backup_id,
                format::Verification::Scope scope) {
  ASSIGN_OR_RETURN(repository::BackupNotes notes, repository::ReadNotes(cluster, backup_id));
  if (notes.verified) return {};
  format::BackupNote note;
  note.mutable_verified()->set_at_us(Timestamp::Now().unix_us);
  note.mutable_verified()->set_scope(scope);
  return repository::PutNote(cluster, backup_id, std::move(note));
}

}  // namespace

void NoteVerifiedBackups(const repository::ClusterAccess& cluster,
                         const std::vector<std::string>& backup_ids,
                         format::Verification::Scope scope, Findings& findings) {
  for (const std::string& id : backup_ids) {
    Status noted = NoteOnce(cluster, id, scope);
    if (noted.ok()) continue;
    // The next ones would fail alike.
    findings.Warn("that backups are verified cannot be noted: " + noted.error().message);
    return;
  }
}

}  // namespace pgcairn::commands
