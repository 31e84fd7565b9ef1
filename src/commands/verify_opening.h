// The objects that a cluster is opened with: identity, format, access keys, epochs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "repository/cluster_access.h"
#include "repository/keys/key_ring.h"
#include "storage/hiding/hiding_storage.h"
#include "util/result.h"

namespace pgcairn::commands {

// What can be told of them without a key goes into the findings. Returns the names of objects whose
// copy differs while both look whole: only a key can say which of the two is damaged.
std::vector<std::string> CheckOpeningObjects(storage::Storage& storage,
                                             const repository::ClusterNames& names,
                                             Findings& findings);

// Opens the cluster as every command does, and around a damaged copy that looks whole. For each
// name in `differing` the one of the two that does not open the cluster goes into the findings, or
// both when that does not decide. Errors: those of repository::OpenCluster; then both of all.
// Not while other threads log.
Result<std::unique_ptr<repository::ClusterAccess>> OpenAroundDamage(
    storage::HidingStorage& storage, const std::string& cluster,
    const repository::Credentials& credentials, const std::vector<std::string>& differing,
    Findings& findings);

// The same without a key: nothing decides.
void BlameBoth(const std::vector<std::string>& differing, Findings& findings);

}  // namespace pgcairn::commands
