#include "commands/pin.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "commands/list.h"
#include "commands/newest_backup.h"
#include "commands/open_cluster.h"
#include "repository/manifest/manifest_store.h"
#include "repository/notes/note_store.h"
#include "repository/prune/trash.h"

namespace pgcairn::commands {
namespace {

Status CheckText(const std::string& note) {
  if (note.size() > kNoteBytesMax) {
    return Error{Code::kUsage,
                 fmt::format("the note has {} bytes, {} are allowed", note.size(), kNoteBytesMax),
                 "write less"};
  }
  bool has_control = std::any_of(note.begin(), note.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!has_control) return {};
  return Error{Code::kUsage, "the note has line ends or other control characters",
               "write it in one line"};
}

}  // namespace

Result<PinReport> Pin(const config::Settings& settings, const PinRequest& request) {
  if (request.note) RETURN_IF_ERROR(CheckText(*request.note));
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  const repository::ClusterAccess& cluster = *opened.cluster;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  ASSIGN_OR_RETURN(std::string id, ResolveBackupWithRows(cluster, ids, request.backup));
  format::BackupNote note;
  note.set_pinned(request.pinned);
  if (request.note) note.set_note(*request.note);
  RETURN_IF_ERROR(repository::PutNote(cluster, id, note));
  // A prune announces first and reads the notes afterwards: it has seen this one, or is seen here.
  ASSIGN_OR_RETURN(repository::TrashedObjects trashed, repository::ReadTrash(cluster));
  // Read after the trash: a backup that was deleted before is no pinned one.
  Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, id);
  if (!stored.ok() && stored.code() == Code::kNotFound) {
    return Error{Code::kNotFound, fmt::format("{} was deleted while it was being pinned", id),
                 "`pgcairn list` shows what there is"};
  }
  // A pin is taken away from a backup that cannot be read so that it can be deleted.
  bool unreadable =
      !stored.ok() && (stored.code() == Code::kDamaged || stored.code() == Code::kWrongKey);
  if (unreadable && !request.pinned) stored = repository::StoredManifest();
  if (!stored.ok()) return stored.status();
  if (request.pinned && trashed.HasBackup(id)) {
    return Error{
        Code::kRefused,
        fmt::format("a prune means to delete {} and may not have seen that it is pinned now", id),
        "wait until that prune has ended, and look with `pgcairn list` whether it is still "
        "there"};
  }
  ASSIGN_OR_RETURN(repository::BackupNotes notes, repository::ReadNotes(cluster, id));
  BackupRemarks remarks = RemarksOn(stored->manifest, notes);
  return PinReport{id, request.pinned, remarks.note};
}

}  // namespace pgcairn::commands
