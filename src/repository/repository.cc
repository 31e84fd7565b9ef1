#include "repository/repository.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "crypto/random.h"
#include "format/identity.pb.h"
#include "repository/seal/document.h"
#include "repository/stored_twice.h"
#include "util/clock.h"

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
  ASSIGN_OR_RETURN(RepositoryId id, OpenRepository(storage));
  ClusterNames names(cluster);
  ASSIGN_OR_RETURN(KeyRing keys, OpenKeyRing(storage, names, id, credentials));
  Place place{id, keys.cluster_id()};
  return std::make_unique<ClusterAccess>(
      ClusterAccess{storage, std::move(names), place, std::move(keys)});
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
