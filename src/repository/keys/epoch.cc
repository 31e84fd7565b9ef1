#include "repository/keys/epoch.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "crypto/random.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"
#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kFirstEpoch = 1;
constexpr size_t kDataKeyBytes = 32;
constexpr size_t kFingerprintSecretBytes = 192;

void WipeText(std::string& text) {
  crypto::Wipe(std::span(reinterpret_cast<uint8_t*>(text.data()), text.size()));
}

Status RandomField(std::string* field, size_t bytes) {
  field->assign(bytes, '\0');
  return crypto::FillRandom(std::span(reinterpret_cast<uint8_t*>(field->data()), bytes));
}

Status AddDataKey(format::Epoch& epoch) {
  format::DataKey* key = epoch.add_data_keys();
  RETURN_IF_ERROR(RandomField(key->mutable_key(), kDataKeyBytes));
  key->set_key_id(ToString(DataKeyIdOf(AsBytes(key->key())).view()));
  key->set_epoch(epoch.number());
  epoch.set_created_at_us(Timestamp::Now().unix_us);
  return {};
}

// With the key of its own number among them, or it could not say what to write with.
bool HasWholeDataKeys(const format::Epoch& epoch) {
  bool current = false;
  for (const format::DataKey& key : epoch.data_keys()) {
    if (key.key().size() != kDataKeyBytes) return false;
    if (key.key_id() != ToString(DataKeyIdOf(AsBytes(key.key())).view())) return false;
    current |= key.epoch() == epoch.number();
  }
  return current;
}

}  // namespace

KeyId DataKeyIdOf(ByteView key) {
  crypto::Sha256Digest mac = crypto::HmacSha256(key, {AsBytes("pgcairn data key id v1")});
  KeyId id;
  std::copy_n(mac.bytes.begin(), KeyId::kBytes, id.bytes.begin());
  return id;
}

void EpochWiper::operator()(format::Epoch* epoch) const {
  for (format::DataKey& key : *epoch->mutable_data_keys()) WipeText(*key.mutable_key());
  WipeText(*epoch->mutable_fingerprint_secret());
  WipeText(*epoch->mutable_wal_identity_key());
  WipeText(*epoch->mutable_chunk_key());
  delete epoch;
}

Result<SecretEpoch> FirstEpoch(const ClusterId& cluster) {
  SecretEpoch epoch(new format::Epoch);
  epoch->set_number(kFirstEpoch);
  epoch->set_cluster_id(ToString(cluster.view()));
  RETURN_IF_ERROR(AddDataKey(*epoch));
  RETURN_IF_ERROR(RandomField(epoch->mutable_fingerprint_secret(), kFingerprintSecretBytes));
  RETURN_IF_ERROR(RandomField(epoch->mutable_wal_identity_key(), 32));
  RETURN_IF_ERROR(RandomField(epoch->mutable_chunk_key(), 32));
  return epoch;
}

Result<SecretEpoch> EpochAfter(const format::Epoch& epoch) {
  CHECK(epoch.number() < std::numeric_limits<uint32_t>::max());
  SecretEpoch next(new format::Epoch(epoch));
  next->set_number(epoch.number() + 1);
  RETURN_IF_ERROR(AddDataKey(*next));
  return next;
}

Result<Bytes> SealEpoch(const format::Epoch& epoch, const RootSecret& root, Place place) {
  std::string message = epoch.SerializeAsString();
  Result<Bytes> sealed =
      SealDocument(ObjectKind::kEpoch, {RootIdOf(root), root.view()}, place, message);
  WipeText(message);
  return sealed;
}

Result<SecretEpoch> OpenEpoch(ByteView object, uint32_t number, const RootSecret& root,
                              Place place) {
  KeyLookup lookup = [&](const KeyId& id) -> Result<ByteView> {
    if (id == RootIdOf(root)) return ByteView(root.view());
    return Error{Code::kWrongKey, "it is sealed under another root", ""};
  };
  ASSIGN_OR_RETURN(std::string message, OpenDocument(ObjectKind::kEpoch, object, place, lookup));
  SecretEpoch epoch(new format::Epoch);
  const bool parsed = epoch->ParseFromString(message);
  WipeText(message);
  if (!parsed || epoch->number() != number ||
      epoch->cluster_id() != ToString(place.cluster.view()) || !HasWholeDataKeys(*epoch) ||
      epoch->fingerprint_secret().size() != kFingerprintSecretBytes ||
      epoch->wal_identity_key().size() != 32 || epoch->chunk_key().size() != 32) {
    return Error{Code::kDamaged, "the key epoch cannot be read", ""};
  }
  return epoch;
}

Result<std::optional<uint32_t>> NewestEpoch(storage::Storage& storage, const ClusterNames& names) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(names.Epochs()));
  std::optional<uint32_t> newest;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string_view digits = std::string_view(object.name).substr(names.Epochs().size() + 1);
    uint32_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    const std::string name = names.Epoch(number);
    if (object.name != name && object.name != name + std::string(kCopySuffix)) continue;
    newest = std::max(newest.value_or(0), number);
  }
  return newest;
}

Result<KeyId> RootNamedBy(ByteView object) {
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(object, ObjectKind::kEpoch));
  if (!header.sealed) return Error{Code::kDamaged, "it is plain where it must be sealed", ""};
  return header.key_id;
}

}  // namespace pgcairn::repository
