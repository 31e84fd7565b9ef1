#include "commands/pin.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "commands/list.h"
#include "commands/open_cluster.h"
#include "repository/manifest/manifest_store.h"
#include "repository/notes/note_store.h"

namespace pgcairn::commands {
namespace {

Status CheckNote(const std::string& note) {
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
  if (request.note) RETURN_IF_ERROR(CheckNote(*request.note));
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  const repository::ClusterAccess& cluster = *opened.cluster;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  ASSIGN_OR_RETURN(std::string id, repository::ResolveBackupId(ids, request.backup));
  format::BackupNote note;
  note.set_pinned(request.pinned);
  if (request.note) note.set_note(*request.note);
  RETURN_IF_ERROR(repository::PutNote(cluster, id, note));
  // Read after the note was written: a backup that was deleted before is no pinned one.
  Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, id);
  if (!stored.ok() && stored.code() == Code::kNotFound) {
    return Error{Code::kNotFound, fmt::format("{} was deleted while it was being pinned", id),
                 "`pgcairn list` shows what there is"};
  }
  if (!stored.ok()) return stored.status();
  ASSIGN_OR_RETURN(repository::BackupNotes notes, repository::ReadNotes(cluster, id));
  BackupRemarks remarks = RemarksOn(stored->manifest, notes);
  return PinReport{id, request.pinned, remarks.note};
}

}  // namespace pgcairn::commands
