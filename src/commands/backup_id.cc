#include "commands/backup_id.h"

namespace pgcairn::commands {
namespace {

Result<bool> IsThere(storage::Storage& storage, const std::string& name) {
  Status there = storage.Stat(name).status();
  if (!there.ok() && there.code() == Code::kNotFound) return false;
  if (!there.ok()) return there.error();
  return true;
}

Result<bool> IsBorne(storage::Storage& storage, const repository::ClusterNames& names,
                     const std::string& id) {
  // The lease too: a run that stores nothing does not learn from its put that it is there.
  for (const std::string& name :
       {names.Lease(id), names.Manifest(id), names.References(id), names.Checkpoint(id, 0)}) {
    ASSIGN_OR_RETURN(bool there, IsThere(storage, name));
    if (there) return true;
  }
  return false;
}

}  // namespace

Status TakeBackupId(storage::Storage& storage, const repository::ClusterNames& names,
                    const std::function<Result<std::string>()>& draw,
                    const std::function<Status(const std::string& id)>& claim) {
  for (;;) {
    ASSIGN_OR_RETURN(std::string id, draw());
    ASSIGN_OR_RETURN(bool borne, IsBorne(storage, names, id));
    if (borne) continue;
    Status claimed = claim(id);
    if (claimed.ok() || claimed.code() != Code::kAlreadyExists) return claimed;
  }
}

}  // namespace pgcairn::commands
