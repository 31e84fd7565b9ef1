#include "repository/repository.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

#include "crypto/random.h"
#include "format/identity.pb.h"
#include "repository/seal/document.h"
#include "repository/stored_twice.h"
#include "storage/forwarding/forwarding_storage.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

Result<RepositoryId> ReadIdentity(storage::Storage& storage) {
  auto decode = [](ByteView object) -> Result<RepositoryId> {
    ASSIGN_OR_RETURN(std::string message, DecodePlainDocument(ObjectKind::kRepository, object));
    format::RepositoryIdentity identity;
    if (!identity.ParseFromString(message)) {
      return Error{Code::kDamaged, "its message cannot be read", ""};
    }
    return RepositoryId::From(identity.repository_id());
  };
  return ReadStoredTwice<RepositoryId>(storage, std::string(kIdentityName), kPlainDocumentBytesMax,
                                       decode);
}

// The format is version 1 with no feature beyond it, or the repository is refused.
Status CheckFormat(storage::Storage& storage) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List("format"));
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string_view number = std::string_view(object.name).substr(7);
    uint32_t version = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
    bool known =
        error == std::errc() && end == number.data() + number.size() && version <= kFormatVersion;
    if (!known) {
      return Error{Code::kUnsupported,
                   fmt::format("the repository has format {}, this program knows {}", number,
                               kFormatVersion),
                   "use the pgcairn that wrote it, or a newer one"};
    }
  }
  if (listing.objects.empty()) {
    return Error{Code::kNotFound, "the repository names no format",
                 "`pgcairn init` was interrupted: run it again"};
  }
  ASSIGN_OR_RETURN(Bytes object, storage.Get(kFormatName, kPlainDocumentBytesMax));
  ASSIGN_OR_RETURN(std::string message, DecodePlainDocument(ObjectKind::kFormat, object));
  format::RepositoryFormat stated;
  if (!stated.ParseFromString(message) || stated.version() != kFormatVersion) {
    return Error{Code::kDamaged, "format/1 cannot be read", ""};
  }
  if (!stated.required_features().empty()) {
    return Error{Code::kUnsupported,
                 fmt::format("the repository needs the feature \"{}\", which this program lacks",
                             stated.required_features(0)),
                 "use the pgcairn that wrote it, or a newer one"};
  }
  return {};
}

// Shows the copies of some objects in place of the first ones.
class CopiesInstead : public storage::ForwardingStorage {
 public:
  CopiesInstead(storage::Storage& inner, std::set<std::string> names)
      : ForwardingStorage(inner), names_(std::move(names)) {}

  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    std::string from(name);
    if (names_.contains(from)) from += kCopySuffix;
    return ForwardingStorage::Get(from, size_max_bytes);
  }

 private:
  const std::set<std::string> names_;
};

// Objects without a key of their own whose two copies differ.
std::vector<std::string> DifferingPairs(storage::Storage& storage, const ClusterNames& names) {
  std::vector<std::string> candidates{std::string(kIdentityName)};
  Result<storage::Listing> keys = storage.List(names.Keys());
  if (keys.ok()) {
    for (const storage::ObjectInfo& object : keys->objects) {
      if (!object.name.ends_with(kCopySuffix)) candidates.push_back(object.name);
    }
  }
  std::erase_if(candidates, [&](const std::string& name) {
    Result<Bytes> first = storage.Get(name, kPlainDocumentBytesMax);
    Result<Bytes> second = storage.Get(name + std::string(kCopySuffix), kPlainDocumentBytesMax);
    return !first.ok() || !second.ok() || *first == *second;
  });
  return candidates;
}

struct Opened {
  RepositoryId id;
  KeyRing keys;
};

Result<Opened> OpenWith(storage::Storage& storage, const ClusterNames& names,
                        const Credentials& credentials) {
  ASSIGN_OR_RETURN(RepositoryId id, OpenRepository(storage));
  ASSIGN_OR_RETURN(KeyRing keys, OpenKeyRing(storage, names, id, credentials));
  return Opened{id, std::move(keys)};
}

// A first copy that is whole but belongs elsewhere fits nothing: the second one may. Each of those
// that differ by itself, then all of them.
Result<Opened> OpenByCopies(storage::Storage& storage, const ClusterNames& names,
                            const Credentials& credentials, const Error& error) {
  std::vector<std::string> differing = DifferingPairs(storage, names);
  std::vector<std::set<std::string>> choices;
  for (const std::string& name : differing) choices.push_back({name});
  if (differing.size() > 1) choices.emplace_back(differing.begin(), differing.end());
  for (const std::set<std::string>& choice : choices) {
    CopiesInstead copies(storage, choice);
    Result<Opened> opened = OpenWith(copies, names, credentials);
    if (!opened.ok()) continue;
    for (const std::string& name : choice) {
      LogWarning("{} does not fit this repository ({}); its copy was used", name, error.message);
    }
    return opened;
  }
  return error;
}

Status IgnoreExisting(Status status) {
  if (!status.ok() && status.code() == Code::kAlreadyExists) return {};
  return status;
}

}  // namespace

Result<RepositoryId> CreateRepository(storage::Storage& storage) {
  format::RepositoryIdentity identity;
  RepositoryId fresh;
  RETURN_IF_ERROR(crypto::FillRandom(fresh.bytes));
  identity.set_repository_id(ToString(fresh.view()));
  identity.set_created_at_us(Timestamp::Now().unix_us);
  identity.set_created_by("pgcairn 0.1.0");
  RETURN_IF_ERROR(IgnoreExisting(storage.PutIfAbsent(
      kIdentityName, EncodePlainDocument(ObjectKind::kRepository, identity.SerializeAsString()))));
  // Whoever came first decides; the copy is made from what is stored, so that both are the same.
  ASSIGN_OR_RETURN(RepositoryId id, ReadIdentity(storage));
  ASSIGN_OR_RETURN(Bytes stored, storage.Get(kIdentityName, kPlainDocumentBytesMax));
  RETURN_IF_ERROR(IgnoreExisting(storage.PutIfAbsent(kIdentityCopyName, stored)));

  format::RepositoryFormat format;
  format.set_version(kFormatVersion);
  RETURN_IF_ERROR(IgnoreExisting(storage.PutIfAbsent(
      kFormatName, EncodePlainDocument(ObjectKind::kFormat, format.SerializeAsString()))));
  RETURN_IF_ERROR(CheckFormat(storage));
  return id;
}

Result<RepositoryId> OpenRepository(storage::Storage& storage) {
  Result<RepositoryId> id = ReadIdentity(storage);
  if (!id.ok() && id.code() == Code::kNotFound) {
    return Error{Code::kNotFound, fmt::format("{} holds no repository", storage.Describe()),
                 "run `pgcairn init`, or correct storage.local_path (BACKUP_STORAGE_PATH)"};
  }
  RETURN_IF_ERROR(id);
  RETURN_IF_ERROR(CheckFormat(storage));
  return id;
}

Result<std::unique_ptr<ClusterAccess>> OpenCluster(storage::Storage& storage,
                                                   const std::string& cluster,
                                                   const Credentials& credentials) {
  ClusterNames names(cluster);
  Result<Opened> opened = OpenWith(storage, names, credentials);
  if (!opened.ok() && (opened.code() == Code::kWrongKey || opened.code() == Code::kDamaged)) {
    opened = OpenByCopies(storage, names, credentials, opened.error());
  }
  RETURN_IF_ERROR(opened);
  Place place{opened->id, opened->keys.cluster_id()};
  opened->keys.FollowEpochs(storage, names, opened->id);
  return std::make_unique<ClusterAccess>(
      ClusterAccess{storage, std::move(names), place, std::move(opened->keys)});
}

Result<std::vector<std::string>> ListClusters(storage::Storage& storage) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List("clusters"));
  std::vector<std::string> clusters;
  for (const std::string& directory : listing.directories) {
    clusters.push_back(directory.substr(std::string_view("clusters/").size()));
  }
  return clusters;
}

}  // namespace pgcairn::repository
