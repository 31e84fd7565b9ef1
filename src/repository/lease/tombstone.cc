#include "repository/lease/tombstone.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "repository/header.h"
#include "repository/lease/process_identity.h"
#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {

Result<GivenUp> GiveUp(const ClusterAccess& cluster, const std::string& backup_id,
                       const std::string& reason) {
  format::Tombstone tombstone;
  tombstone.set_backup_id(backup_id);
  tombstone.set_given_up_at_us(Timestamp::Now().unix_us);
  tombstone.set_by_host(ThisProcess().host());
  tombstone.set_reason(reason);
  Bytes object = EncodePlainDocument(ObjectKind::kTombstone, tombstone.SerializeAsString());
  CHECK(object.size() <= kTombstoneBytesMax);
  const std::string name = cluster.names.Manifest(backup_id);
  Status put = cluster.storage.PutIfAbsent(name, object);
  if (put.ok()) return GivenUp::kNow;
  if (put.code() != Code::kAlreadyExists) {
    return std::move(put).Context("giving up on the run " + backup_id).error();
  }
  ASSIGN_OR_RETURN(Bytes there, cluster.storage.Get(name, kSealedDocumentBytesMax));
  if (!LooksLikeTombstone(there)) return GivenUp::kTooLate;
  RETURN_IF_ERROR(ReadTombstone(there, backup_id).status());
  return GivenUp::kBefore;
}

bool LooksLikeTombstone(ByteView object) {
  constexpr std::string_view kStart = "PGCAIRNT";
  return object.size() >= kStart.size() && object.size() <= kTombstoneBytesMax &&
         AsText(object.first(kStart.size())) == kStart;
}

Result<format::Tombstone> ReadTombstone(ByteView object, const std::string& backup_id) {
  ASSIGN_OR_RETURN(std::string message,
                   DecodePlainDocument(ObjectKind::kTombstone, object)
                       .Context("reading the tombstone of " + backup_id));
  format::Tombstone tombstone;
  if (!tombstone.ParseFromString(message) || tombstone.backup_id() != backup_id) {
    return Error{Code::kDamaged, fmt::format("the tombstone of {} is another run's", backup_id),
                 ""};
  }
  return tombstone;
}

Error GivenUpError(const format::Tombstone& tombstone) {
  return {Code::kNotFound,
          fmt::format("{} is no backup: the run was given up on {} by {}, {}",
                      tombstone.backup_id(), Timestamp{tombstone.given_up_at_us()}.ToText(),
                      tombstone.by_host(), tombstone.reason()),
          "`pgcairn list` shows the backups that there are"};
}

}  // namespace pgcairn::repository
