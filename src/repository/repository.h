// Creating and opening a repository and a cluster in it (docs/format.md, sections 1, 4 and 5).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "repository/cluster_access.h"
#include "repository/identifiers.h"
#include "repository/keys/key_ring.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint32_t kFormatVersion = 1;

// Writes the identity and the format of a new repository; does nothing when both are there. Returns
// the repository's id. kUnsupported: a newer format. Safe beside another process that does the
// same.
Result<RepositoryId> CreateRepository(storage::Storage& storage);

// kNotFound: no repository there. kUnsupported: a format this program does not know.
Result<RepositoryId> OpenRepository(storage::Storage& storage);

// kNotFound: no repository, or no such cluster. kWrongKey: no credential opens it. Identity and
// access keys are stored twice: where the first ones open nothing, the copies that differ from them
// are tried, and that they were used is logged.
Result<std::unique_ptr<ClusterAccess>> OpenCluster(storage::Storage& storage,
                                                   const std::string& cluster,
                                                   const Credentials& credentials);

// Names of all clusters.
Result<std::vector<std::string>> ListClusters(storage::Storage& storage);

}  // namespace pgcairn::repository
