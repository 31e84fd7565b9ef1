// The first keys of a new cluster (docs/format.md, section 5).
#pragma once

#include <functional>
#include <vector>

#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

// Writes the first root, its access keys and the first epoch of a new cluster. Epoch last: a
// cluster without an epoch does not exist and is made by the next call, under a new generation.
// `before_commit` is called when all but the epoch is stored: what must not be lost once the
// cluster exists is shown to its owner there, and again, with other keys, by the next call when
// this one fails. kAlreadyExists: the cluster exists, or another run was first; nothing was
// changed.
Status CreateKeys(
    storage::Storage& storage, const ClusterNames& names, const RepositoryId& repository,
    std::vector<NewAccessKey> keys, const std::function<void()>& before_commit = [] {});

}  // namespace pgcairn::repository
