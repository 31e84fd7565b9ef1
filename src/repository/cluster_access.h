// All that is needed to read and write one cluster's objects.
#pragma once

#include "repository/identifiers.h"
#include "repository/keys/key_ring.h"
#include "repository/names.h"
#include "storage/storage.h"

namespace pgcairn::repository {

// Any number of threads may use one. `storage` outlives it.
struct ClusterAccess {
  storage::Storage& storage;
  ClusterNames names;
  Place place;
  KeyRing keys;
};

}  // namespace pgcairn::repository
