// Proves what a manifest says, as far as it can be held against itself and its neighbours.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "crypto/sha256.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::commands {

// What recovery needs is there, can be read and fits: pg_control, backup_label, counts; of a
// logical backup, which has neither of the first, the counts.
void VerifyManifest(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
                    const std::vector<repository::StoredPack>& references, Findings& findings);

// Every manifest that names a predecessor names the one that is there: one that was exchanged or
// rolled back has another hash. `sha256` holds those of all readable manifests by id; `lists` the
// ids of all reference lists.
void VerifyPredecessor(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
                       const std::map<std::string, crypto::Sha256Digest>& sha256,
                       const std::set<std::string>& lists, Findings& findings);

}  // namespace pgcairn::commands
