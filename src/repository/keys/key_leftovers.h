// What a run left that changed the keys and was interrupted; told without a key.
#pragma once

#include <set>
#include <string>

#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

struct KeyLeftovers {
  // Access key objects, by their first name, of roots that are not in force: of older ones, or of
  // one whose epoch was not stored (yet: the run may still go on).
  std::set<std::string> access_keys;
  // The copy of the newest epoch, when the run ended between the two; else empty. Access keys of
  // the root before stay until both are stored: without one of those the copy was lost otherwise.
  std::string missing_copy;

  bool empty() const { return access_keys.empty() && missing_copy.empty(); }
};

// Nothing where damage leaves open which root is in force.
Result<KeyLeftovers> FindKeyLeftovers(storage::Storage& storage, const ClusterNames& names);

}  // namespace pgcairn::repository
