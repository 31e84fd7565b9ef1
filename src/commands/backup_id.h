// The id of a backup that begins.
#pragma once

#include <functional>
#include <string>

#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::commands {

// Draws ids until `claim` takes one that nothing else in the repository bears: no run that goes on,
// no backup, no run that was given up, and nothing that a run left. `claim` writes the lease;
// kAlreadyExists from it means that another run has that id and that no lease of this run is left.
// Any other answer of it is returned.
Status TakeBackupId(storage::Storage& storage, const repository::ClusterNames& names,
                    const std::function<Result<std::string>()>& draw,
                    const std::function<Status(const std::string& id)>& claim);

}  // namespace pgcairn::commands
