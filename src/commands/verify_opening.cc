#include "commands/verify_opening.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "format/identity.pb.h"
#include "repository/keys/key_leftovers.h"
#include "repository/keys/removed_key.h"
#include "repository/keys/stored_access_keys.h"
#include "repository/repository.h"
#include "repository/seal/document.h"
#include "repository/seal/stored_shape.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::ObjectKind;

std::string CopyOf(const std::string& name) { return name + std::string(repository::kCopySuffix); }

Status CheckIdentity(ByteView object) {
  ASSIGN_OR_RETURN(std::string message,
                   repository::DecodePlainDocument(ObjectKind::kRepository, object));
  format::RepositoryIdentity identity;
  if (!identity.ParseFromString(message)) return Damaged("its message cannot be read");
  return repository::RepositoryId::From(identity.repository_id()).status();
}

// What is wrong with one stored object; nothing when it looks whole.
struct Opening {
  Result<Bytes> bytes;
  Status status;
};

class PairCheck {
 public:
  PairCheck(storage::Storage& storage, Findings& findings)
      : storage_(storage), findings_(findings) {}

  void Check(const std::string& name, uint64_t size_bytes_max,
             const std::function<Status(ByteView)>& judge) {
    Opening first = LookAt(name, size_bytes_max, judge);
    Opening second = LookAt(CopyOf(name), size_bytes_max, judge);
    if (!first.status.ok() && !second.status.ok()) {
      findings_.Add(name, first.status.error());
      findings_.Add(CopyOf(name), second.status.error());
    } else if (!first.status.ok()) {
      findings_.AddCopyDamage(name, first.status.error());
    } else if (!second.status.ok()) {
      findings_.AddCopyDamage(CopyOf(name), second.status.error());
    } else if (*first.bytes != *second.bytes) {
      differing_.push_back(name);
    }
  }

  std::vector<std::string> TakeDiffering() { return std::move(differing_); }

 private:
  Opening LookAt(const std::string& name, uint64_t size_bytes_max,
                 const std::function<Status(ByteView)>& judge) {
    Result<Bytes> bytes = storage_.Get(name, size_bytes_max);
    Status status = bytes.ok() ? judge(*bytes).Context(name) : bytes.status();
    return {std::move(bytes), std::move(status)};
  }

  storage::Storage& storage_;
  Findings& findings_;
  std::vector<std::string> differing_;
};

// Names in a directory of objects that are stored twice, without the copies'.
std::set<std::string> PairNames(storage::Storage& storage, const std::string& directory,
                                Findings& findings) {
  std::set<std::string> names;
  Result<storage::Listing> listing = storage.List(directory);
  if (!listing.ok()) {
    findings.Add(directory, listing.error());
    return names;
  }
  for (const storage::ObjectInfo& object : listing->objects) {
    std::string name = object.name;
    if (name.ends_with(repository::kCopySuffix)) {
      name.resize(name.size() - repository::kCopySuffix.size());
    }
    names.insert(std::move(name));
  }
  return names;
}

Status CheckFormatObject(storage::Storage& storage) {
  const std::string name(repository::kFormatName);
  ASSIGN_OR_RETURN(Bytes object, storage.Get(name, repository::kPlainDocumentBytesMax));
  Result<std::string> message = repository::DecodePlainDocument(ObjectKind::kFormat, object);
  if (!message.ok()) return std::move(message).Context(name).status();
  format::RepositoryFormat stated;
  if (!stated.ParseFromString(*message) || stated.version() != repository::kFormatVersion) {
    return Damaged(name + ": it states another version than its name");
  }
  return {};
}

// Trials report what they find by their result alone.
class QuietLog {
 public:
  QuietLog() : level_(GetLogLevel()) { SetLogLevel(LogLevel::kError); }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;
  ~QuietLog() { SetLogLevel(level_); }

 private:
  const LogLevel level_;
};

// They harm nothing and are no damage, whatever state they are in.
repository::KeyLeftovers LeftByInterruptedRuns(storage::Storage& storage,
                                               const repository::ClusterNames& names,
                                               Findings& findings) {
  QuietLog quiet;
  Result<repository::KeyLeftovers> left = repository::FindKeyLeftovers(storage, names);
  if (!left.ok()) return {};  // what cannot be listed is named below
  if (!left->empty()) {
    findings.Warn(
        fmt::format("{}: a run that changes the keys goes on, or was interrupted and left "
                    "{} access keys of roots that are not in force; the next key command "
                    "or `pgcairn init` removes them",
                    names.Keys(), left->access_keys.size()));
  }
  return std::move(*left);
}

void CheckRemovedKeys(storage::Storage& storage, const repository::ClusterNames& names,
                      Findings& findings) {
  Result<storage::Listing> listing = storage.List(names.RemovedKeys());
  if (!listing.ok()) return findings.Add(names.RemovedKeys(), listing.error());
  for (const storage::ObjectInfo& object : listing->objects) {
    Result<Bytes> bytes = storage.Get(object.name, repository::kPlainDocumentBytesMax);
    Status status = bytes.ok() ? repository::DecodeRemovedKey(names, object.name, *bytes).status()
                               : bytes.status();
    if (!status.ok()) findings.Add(object.name, std::move(status).Context(object.name).error());
  }
}

Error Differs(const std::string& name) {
  return Damaged(fmt::format("{} and {} differ, and which of them is damaged cannot be told", name,
                             CopyOf(name)));
}

}  // namespace

std::vector<std::string> CheckOpeningObjects(storage::Storage& storage,
                                             const repository::ClusterNames& names,
                                             Findings& findings) {
  PairCheck pairs(storage, findings);
  pairs.Check(std::string(repository::kIdentityName), repository::kPlainDocumentBytesMax,
              CheckIdentity);
  Status format = CheckFormatObject(storage);
  if (!format.ok()) findings.Add(std::string(repository::kFormatName), format.error());
  const repository::KeyLeftovers left = LeftByInterruptedRuns(storage, names, findings);
  for (const std::string& name : PairNames(storage, names.Keys(), findings)) {
    if (left.access_keys.contains(name)) continue;
    pairs.Check(name, repository::kPlainDocumentBytesMax, [&](ByteView object) {
      return repository::DecodeAccessKey(names, name, object).status();
    });
  }
  CheckRemovedKeys(storage, names, findings);
  for (const std::string& name : PairNames(storage, names.Epochs(), findings)) {
    if (CopyOf(name) == left.missing_copy) continue;
    pairs.Check(name, repository::kSealedDocumentBytesMax, [](ByteView object) {
      return repository::CheckStoredShape(ObjectKind::kEpoch, object);
    });
  }
  return pairs.TakeDiffering();
}

Result<std::unique_ptr<repository::ClusterAccess>> OpenAroundDamage(
    storage::HidingStorage& storage, const std::string& cluster,
    const repository::Credentials& credentials, const std::vector<std::string>& differing,
    Findings& findings) {
  auto opens_without = [&](const std::string& name) {
    QuietLog quiet;
    storage.Hide(name);
    bool opens = repository::OpenCluster(storage, cluster, credentials).ok();
    storage.Show(name);
    return opens;
  };
  for (const std::string& name : differing) {
    const bool first = opens_without(CopyOf(name));
    const bool second = opens_without(name);
    if (first == second) {
      BlameBoth({name}, findings);
      continue;
    }
    const std::string bad = first ? CopyOf(name) : name;
    findings.AddCopyDamage(
        bad, Damaged(bad + " looks whole, but is not this cluster's: only its copy opens it"));
    storage.Hide(bad);
  }
  QuietLog quiet;
  return repository::OpenCluster(storage, cluster, credentials);
}

void BlameBoth(const std::vector<std::string>& differing, Findings& findings) {
  for (const std::string& name : differing) {
    findings.Add(name, Differs(name));
    findings.Add(CopyOf(name), Differs(name));
  }
}

}  // namespace pgcairn::commands
