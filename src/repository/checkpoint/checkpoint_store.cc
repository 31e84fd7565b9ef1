#include "repository/checkpoint/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/names.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

Result<format::Checkpoint> ReadCheckpoint(const ClusterAccess& cluster, const std::string& name,
                                          const std::string& run_id) {
  Result<Bytes> object = cluster.storage.Get(name, kSealedDocumentBytesMax);
  if (!object.ok()) return std::move(object).Context("reading " + name).error();
  Result<std::string> message =
      OpenDocument(ObjectKind::kCheckpoint, *object, cluster.place, cluster.keys.Lookup());
  if (!message.ok()) return std::move(message).Context("opening " + name).error();
  format::Checkpoint checkpoint;
  if (!checkpoint.ParseFromString(*message) || checkpoint.backup_id() != run_id) {
    return Error{Code::kDamaged, fmt::format("{} is no checkpoint of that run", name), ""};
  }
  return checkpoint;
}

// The storage works, and others may be readable.
bool IsOfOneObject(Code code) {
  return code == Code::kDamaged || code == Code::kWrongKey || code == Code::kUnsupported ||
         code == Code::kNotFound;
}

}  // namespace

Status PutCheckpoint(const ClusterAccess& cluster, uint32_t number,
                     const format::Checkpoint& checkpoint) {
  const std::string name = cluster.names.Checkpoint(checkpoint.backup_id(), number);
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kCheckpoint, cluster.keys.Current(),
                                              cluster.place, checkpoint.SerializeAsString()));
  return cluster.storage.PutIfAbsent(name, object).Context("writing the checkpoint " + name);
}

Result<std::vector<std::string>> ListCheckpointedRuns(const ClusterAccess& cluster) {
  const std::string root = cluster.names.Checkpoints();
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(root));
  std::vector<std::string> runs;
  for (const std::string& directory : listing.directories) {
    std::string id = directory.substr(root.size() + 1);
    if (IsBackupId(id)) runs.push_back(std::move(id));
  }
  std::ranges::sort(runs);
  return runs;
}

Result<RunCheckpoints> ReadCheckpoints(const ClusterAccess& cluster, const std::string& run_id) {
  ASSIGN_OR_RETURN(storage::Listing listing,
                   cluster.storage.List(cluster.names.Checkpoints() + "/" + run_id));
  RunCheckpoints checkpoints;
  for (const storage::ObjectInfo& object : listing.objects) {
    Result<format::Checkpoint> checkpoint = ReadCheckpoint(cluster, object.name, run_id);
    if (checkpoint.ok()) {
      checkpoints.readable.push_back(*std::move(checkpoint));
    } else if (IsOfOneObject(checkpoint.code())) {
      checkpoints.unreadable.push_back(checkpoint.error().message);
    } else {
      return checkpoint.error();
    }
  }
  return checkpoints;
}

Status RemoveCheckpoints(const ClusterAccess& cluster, const std::string& run_id) {
  ASSIGN_OR_RETURN(storage::Listing listing,
                   cluster.storage.List(cluster.names.Checkpoints() + "/" + run_id));
  for (const storage::ObjectInfo& object : listing.objects) {
    RETURN_IF_ERROR(
        cluster.storage.Delete(object.name).Context("removing the checkpoint " + object.name));
  }
  return {};
}

}  // namespace pgcairn::repository
