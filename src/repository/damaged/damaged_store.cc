#include "repository/damaged/damaged_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

std::string_view TextOf(DamageProof proof) {
  switch (proof) {
    case format::DamagedPack::ABSENT:
      return "it is missing";
    case format::DamagedPack::BYTES:
      return "its SHA-256 is not its name";
    default:
      return "what is sealed in it is not what was backed up";
  }
}

}  // namespace

Status RecordDamagedPack(storage::Storage& storage, const ClusterNames& names,
                         const crypto::Sha256Digest& sha256, DamageProof proof) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  format::DamagedPack record;
  record.set_sha256(ToString(sha256.view()));
  record.set_problem(std::string(TextOf(proof)));
  record.set_at_us(Timestamp::Now().unix_us);
  record.set_host(host);
  record.set_proof(proof);
  Status put = storage.PutIfAbsent(
      names.DamagedPack(sha256),
      EncodePlainDocument(ObjectKind::kDamagedPack, record.SerializeAsString()));
  if (!put.ok() && put.code() == Code::kAlreadyExists) return {};
  return std::move(put).Context("recording that a pack is damaged");
}

Result<std::vector<crypto::Sha256Digest>> ListDamagedPacks(storage::Storage& storage,
                                                           const ClusterNames& names) {
  const std::string directory = names.DamagedPacks();
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(directory));
  std::vector<crypto::Sha256Digest> packs;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::optional<Bytes> hash = FromHex(object.name.substr(directory.size() + 1));
    crypto::Sha256Digest sha256;
    if (!hash || hash->size() != sha256.bytes.size()) continue;
    std::copy(hash->begin(), hash->end(), sha256.bytes.begin());
    if (names.DamagedPack(sha256) == object.name) packs.push_back(sha256);
  }
  std::sort(packs.begin(), packs.end());
  return packs;
}

Result<format::DamagedPack> ReadDamagedPack(storage::Storage& storage, const ClusterNames& names,
                                            const crypto::Sha256Digest& sha256) {
  const std::string name = names.DamagedPack(sha256);
  ASSIGN_OR_RETURN(Bytes object, storage.Get(name, kPlainDocumentBytesMax));
  Result<std::string> message = DecodePlainDocument(ObjectKind::kDamagedPack, object);
  if (!message.ok()) return std::move(message).Context("reading " + name).error();
  format::DamagedPack record;
  if (!record.ParseFromString(*message) || record.sha256() != ToString(sha256.view())) {
    return Error{Code::kDamaged, fmt::format("{} is not the record of that pack", name), ""};
  }
  return record;
}

Status RemoveDamagedPack(storage::Storage& storage, const ClusterNames& names,
                         const crypto::Sha256Digest& sha256) {
  return storage.Delete(names.DamagedPack(sha256)).Context("removing the record of a damaged pack");
}

}  // namespace pgcairn::repository
