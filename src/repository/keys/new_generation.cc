#include "repository/keys/new_generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "crypto/random.h"
#include "repository/seal/document.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

std::string CopyOf(const std::string& name) { return name + std::string(kCopySuffix); }

Error OtherRunWasFirst() {
  return {Code::kAlreadyExists, "another run changes the keys of this cluster at the same time",
          "look at `pgcairn key list`, and run the command again if it is still wanted"};
}

Error WithHint(Error error, std::string_view hint) {
  if (!error.hint.empty()) error.hint += "; ";
  error.hint += hint;
  return error;
}

}  // namespace

Result<NewGeneration> NewGeneration::After(const std::vector<StoredAccessKey>& stored,
                                           Place place) {
  uint32_t newest = 0;
  for (const StoredAccessKey& key : stored) newest = std::max(newest, key.generation);
  if (newest == std::numeric_limits<uint32_t>::max()) {
    return Error{Code::kDamaged, "an access key of the last possible generation is stored",
                 "pgcairn did not put it there: remove it from the folder keys"};
  }
  NewGeneration next(newest + 1, place);
  RETURN_IF_ERROR(crypto::FillRandom(next.root_.span()));
  next.root_id_ = RootIdOf(next.root_);
  return next;
}

Status NewGeneration::Add(NewAccessKey key) {
  ASSIGN_OR_RETURN(format::AccessKeyObject object,
                   SealRoot(root_, generation_, place_, std::move(key)));
  return Take(std::move(object));
}

Status NewGeneration::AddAgain(const format::AccessKeyObject& key) {
  ASSIGN_OR_RETURN(format::AccessKeyObject object, SealRootAgain(root_, generation_, place_, key));
  return Take(std::move(object));
}

Status NewGeneration::Take(format::AccessKeyObject object) {
  for (const format::AccessKeyObject& other : access_keys_) {
    if (other.access_key_id() != object.access_key_id()) continue;
    return Error{Code::kAlreadyExists,
                 fmt::format("access key {} opens this cluster already",
                             ToHex(AsBytes(other.access_key_id()))),
                 "there is nothing to do"};
  }
  access_keys_.push_back(std::move(object));
  return {};
}

Status NewGeneration::StoreAccessKeys(storage::Storage& storage, const ClusterNames& names) {
  for (const format::AccessKeyObject& key : access_keys_) {
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(key.access_key_id()));
    const Bytes object = EncodePlainDocument(ObjectKind::kAccessKey, key.SerializeAsString());
    const std::string name = names.Key(generation_, id);
    for (const std::string& each : {name, CopyOf(name)}) {
      Status put = storage.PutIfAbsent(each, object);
      if (!put.ok() && put.code() == Code::kAlreadyExists) return OtherRunWasFirst();
      RETURN_IF_ERROR(std::move(put).Context("writing " + each));
      written_.push_back(each);
    }
  }
  return {};
}

Status NewGeneration::PutEpoch(storage::Storage& storage, const std::string& name,
                               ByteView sealed) {
  Status put = storage.PutIfAbsent(name, sealed);
  if (put.ok()) return {};
  // A reply may have been lost, or the request that it answers was the second one.
  Result<Bytes> stored = storage.Get(name, kSealedDocumentBytesMax);
  if (stored.ok() && std::ranges::equal(*stored, sealed)) return {};
  if (stored.ok()) {
    Discard(storage);
    return OtherRunWasFirst();
  }
  // The request may still arrive: without its access keys the epoch would lock everybody out.
  Error error = std::move(put).Context("writing " + name).error();
  if (stored.code() == Code::kNotFound) return error;
  error.message += "; whether the new keys are in force is not known";
  return WithHint(std::move(error), "`pgcairn key list` shows which are");
}

// Only when it is certain that the epoch of this root was not and will not be stored.
void NewGeneration::Discard(storage::Storage& storage) {
  for (const std::string& name : written_) {
    Status deleted = storage.Delete(name);
    if (!deleted.ok()) LogWarning("{}", deleted.error().message);
  }
  written_.clear();
}

Status NewGeneration::Commit(storage::Storage& storage, const ClusterNames& names,
                             const format::Epoch& epoch,
                             const std::function<void()>& before_commit) {
  ASSIGN_OR_RETURN(Bytes sealed, SealEpoch(epoch, root_, place_));
  Status stored = StoreAccessKeys(storage, names);
  if (!stored.ok()) {
    Discard(storage);
    return stored;
  }
  before_commit();
  const std::string name = names.Epoch(epoch.number());
  RETURN_IF_ERROR(PutEpoch(storage, name, sealed));
  Status copied = storage.PutIfAbsent(CopyOf(name), sealed);
  if (copied.ok() || copied.code() == Code::kAlreadyExists) return {};
  Error error = std::move(copied).Context("writing " + CopyOf(name)).error();
  error.message = "the new keys are in force, but their epoch has one copy only: " + error.message;
  return WithHint(std::move(error),
                  "`pgcairn init` and the next key command write what is missing");
}

}  // namespace pgcairn::repository
