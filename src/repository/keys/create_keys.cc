#include "repository/keys/create_keys.h"

#include <string>
#include <utility>

#include "crypto/random.h"
#include "repository/keys/new_generation.h"

namespace pgcairn::repository {

Status CreateKeys(storage::Storage& storage, const ClusterNames& names,
                  const RepositoryId& repository, std::vector<NewAccessKey> keys,
                  const std::function<void()>& before_commit) {
  CHECK(!keys.empty());
  Place place{repository, {}};
  RETURN_IF_ERROR(crypto::FillRandom(place.cluster.bytes));
  ASSIGN_OR_RETURN(SecretEpoch epoch, FirstEpoch(place.cluster));
  ASSIGN_OR_RETURN(std::vector<StoredAccessKey> stored, ReadAccessKeys(storage, names));
  ASSIGN_OR_RETURN(NewGeneration generation, NewGeneration::After(stored, place));
  for (NewAccessKey& key : keys) RETURN_IF_ERROR(generation.Add(std::move(key)));
  return generation.Commit(storage, names, *epoch, before_commit);
}

}  // namespace pgcairn::repository
