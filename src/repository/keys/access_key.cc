#include "repository/keys/access_key.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "crypto/aead.h"
#include "crypto/hkdf.h"
#include "crypto/random.h"
#include "crypto/scrypt.h"
#include "crypto/sha256.h"
#include "util/clock.h"
#include "util/file.h"

namespace pgcairn::repository {
namespace {

constexpr std::string_view kKeyFileTag = "PGCAIRN-ACCESS-KEY-1";
constexpr size_t kRootBytes = 32;

KeyId CommittedId(ByteView key, std::string_view label) {
  crypto::Sha256Digest mac = crypto::HmacSha256(key, {AsBytes(label)});
  KeyId id;
  std::copy_n(mac.bytes.begin(), KeyId::kBytes, id.bytes.begin());
  return id;
}

Status SealKey(ByteView shared, const format::AccessKeyObject& object,
               crypto::SecretArray<32>& out) {
  Bytes info = ToBytes(AsBytes("pgcairn access key v1"));
  Append(info, AsBytes(object.ephemeral_public_key()));
  Append(info, AsBytes(object.public_key()));
  return crypto::HkdfSha256(shared, AsBytes(object.seal_salt()), info, out.span());
}

crypto::Sha256Digest SealAssociatedData(const format::AccessKeyObject& object,
                                        const RepositoryId& repository) {
  Bytes bound = ToBytes(repository.view());
  Append(bound, AsBytes(object.cluster_id()));
  Append(bound, AsBytes(object.access_key_id()));
  AppendLe<uint32_t>(bound, object.generation());
  Append(bound, AsBytes(object.root_id()));
  return crypto::Sha256(bound);
}

Result<crypto::Sha256Digest> PublicKeyMac(const RootSecret& root,
                                          const format::AccessKeyObject& object) {
  crypto::SecretArray<32> mac_key;
  RETURN_IF_ERROR(
      crypto::HkdfSha256(root.view(), {}, AsBytes("pgcairn public keys v1"), mac_key.span()));
  Bytes bound = ToBytes(AsBytes(object.access_key_id()));
  AppendLe<uint32_t>(bound, object.generation());
  bound.push_back(static_cast<uint8_t>(object.kind()));
  Append(bound, AsBytes(object.public_key()));
  return crypto::HmacSha256(mac_key.view(), {ByteView(bound)});
}

Error WrongKey(std::string message) {
  return {Code::kWrongKey, std::move(message),
          "use the key file or passphrase that was made for this repository"};
}

Result<crypto::X25519PublicKey> PublicKeyFrom(const std::string& bytes) {
  crypto::X25519PublicKey key;
  if (bytes.size() != key.bytes.size()) {
    return Error{Code::kDamaged, "a public key has the wrong length", ""};
  }
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

void SetView(std::string* field, ByteView bytes) { *field = ToString(bytes); }

Status SealTo(const RootSecret& root, const crypto::X25519PublicKey& to,
              const RepositoryId& repository, format::AccessKeyObject& object) {
  ASSIGN_OR_RETURN(AccessKeyPair ephemeral, AccessKeyPair::Generate());
  SetView(object.mutable_ephemeral_public_key(), ephemeral.public_key.bytes);
  std::array<uint8_t, 32> salt{};
  RETURN_IF_ERROR(crypto::FillRandom(salt));
  SetView(object.mutable_seal_salt(), salt);
  ASSIGN_OR_RETURN(auto shared, crypto::SharedSecret(ephemeral.private_key, to));
  crypto::SecretArray<32> key;
  RETURN_IF_ERROR(SealKey(shared.view(), object, key));
  crypto::Aead aead(key.view());
  Bytes sealed(kRootBytes + crypto::kTagBytes);
  RETURN_IF_ERROR(aead.Seal(0, SealAssociatedData(object, repository).bytes, root.view(), sealed));
  SetView(object.mutable_sealed_root(), sealed);
  ASSIGN_OR_RETURN(crypto::Sha256Digest mac, PublicKeyMac(root, object));
  SetView(object.mutable_public_key_mac(), mac.bytes);
  return {};
}

}  // namespace

AccessKeyId IdOf(const crypto::X25519PublicKey& key) {
  Bytes bound = ToBytes(AsBytes("pgcairn access key id v1"));
  Append(bound, key.bytes);
  crypto::Sha256Digest digest = crypto::Sha256(bound);
  AccessKeyId id;
  std::copy_n(digest.bytes.begin(), AccessKeyId::kBytes, id.bytes.begin());
  return id;
}

KeyId RootIdOf(const RootSecret& root) { return CommittedId(root.view(), "pgcairn root id v1"); }

Result<AccessKeyPair> AccessKeyPair::FromPrivate(crypto::X25519PrivateKey private_key) {
  AccessKeyPair pair;
  ASSIGN_OR_RETURN(pair.public_key, crypto::PublicOf(private_key));
  pair.private_key = std::move(private_key);
  pair.id = IdOf(pair.public_key);
  return pair;
}

Result<AccessKeyPair> AccessKeyPair::Generate() {
  ASSIGN_OR_RETURN(crypto::X25519PrivateKey key, crypto::X25519PrivateKey::Generate());
  return FromPrivate(std::move(key));
}

crypto::SecretBytes EncodeKeyFile(const AccessKeyPair& pair) {
  std::string line =
      fmt::format("{} {} {}\n", kKeyFileTag, pair.id.ToHex(), ToHex(pair.private_key.bytes.view()));
  crypto::SecretBytes text = crypto::SecretBytes::CopyOf(AsBytes(line));
  crypto::Wipe(std::span(reinterpret_cast<uint8_t*>(line.data()), line.size()));
  return text;
}

Result<AccessKeyPair> DecodeKeyFile(ByteView file) {
  std::string_view text = AsText(file);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  size_t first = text.find(' ');
  size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  Error bad = WrongKey("the text is not a pgcairn access key");
  if (second == std::string_view::npos || text.substr(0, first) != kKeyFileTag) return bad;
  std::optional<Bytes> secret = FromHex(text.substr(second + 1));
  if (!secret || secret->size() != 32) return bad;
  crypto::X25519PrivateKey private_key =
      crypto::X25519PrivateKey::FromSeed(ByteView(*secret).first<32>());
  crypto::Wipe(*secret);
  ASSIGN_OR_RETURN(AccessKeyPair pair, AccessKeyPair::FromPrivate(std::move(private_key)));
  if (pair.id.ToHex() != text.substr(first + 1, second - first - 1)) {
    return WrongKey("the id and the secret in the key file do not belong together");
  }
  return pair;
}

Result<AccessKeyPair> ReadKeyFile(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoError(errno, "reading the key file", path);
  if ((info.st_mode & 077) != 0) {
    return Error{Code::kPermission, fmt::format("others can read the key file {}", path),
                 fmt::format("chmod 600 {}", path)};
  }
  ASSIGN_OR_RETURN(Bytes text, ReadFile(path, 4096));
  Result<AccessKeyPair> pair = DecodeKeyFile(text).Context("reading the key file " + path);
  crypto::Wipe(text);
  return pair;
}

Status WriteKeyFile(const std::string& path, const AccessKeyPair& pair) {
  if (Exists(path)) {
    return Error{Code::kAlreadyExists, fmt::format("the key file {} exists already", path), ""};
  }
  RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
  return WriteFileDurably(path, EncodeKeyFile(pair).view(), 0600);
}

Result<format::AccessKeyObject> SealRoot(const RootSecret& root, uint32_t generation, Place place,
                                         NewAccessKey key) {
  format::AccessKeyObject object;
  object.set_kind(key.kind);
  SetView(object.mutable_cluster_id(), place.cluster.view());
  object.set_generation(generation);
  SetView(object.mutable_root_id(), RootIdOf(root).view());
  object.set_created_at_us(Timestamp::Now().unix_us);
  object.set_label(key.label);
  if (key.kind == format::AccessKeyObject::UNENCRYPTED) {
    SetView(object.mutable_access_key_id(), AccessKeyId().view());
    SetView(object.mutable_plain_root(), root.view());
    return object;
  }
  if (key.kind == format::AccessKeyObject::PASSPHRASE) {
    CHECK(key.passphrase != nullptr);
    std::array<uint8_t, 32> salt{};
    RETURN_IF_ERROR(crypto::FillRandom(salt));
    SetView(object.mutable_scrypt()->mutable_salt(), salt);
    object.mutable_scrypt()->set_log2_n(crypto::kScryptDefault.log2_n);
    object.mutable_scrypt()->set_r(crypto::kScryptDefault.r);
    object.mutable_scrypt()->set_p(crypto::kScryptDefault.p);
    ASSIGN_OR_RETURN(key.pair, PairFromPassphrase(object, key.passphrase->view()));
  }
  CHECK(key.pair.has_value());
  SetView(object.mutable_access_key_id(), key.pair->id.view());
  SetView(object.mutable_public_key(), key.pair->public_key.bytes);
  RETURN_IF_ERROR(SealTo(root, key.pair->public_key, place.repository, object));
  return object;
}

Status CheckPublicKey(const RootSecret& root, const format::AccessKeyObject& object) {
  ASSIGN_OR_RETURN(crypto::X25519PublicKey public_key, PublicKeyFrom(object.public_key()));
  ASSIGN_OR_RETURN(crypto::Sha256Digest mac, PublicKeyMac(root, object));
  if (!crypto::ConstantTimeEqual(mac.bytes, AsBytes(object.public_key_mac())) ||
      ToString(IdOf(public_key).view()) != object.access_key_id()) {
    return Error{Code::kDamaged, "the public half of an access key was changed", ""};
  }
  return {};
}

Result<format::AccessKeyObject> SealRootAgain(const RootSecret& root, uint32_t generation,
                                              Place place, const format::AccessKeyObject& object) {
  ASSIGN_OR_RETURN(crypto::X25519PublicKey public_key, PublicKeyFrom(object.public_key()));
  format::AccessKeyObject again = object;
  again.set_generation(generation);
  SetView(again.mutable_root_id(), RootIdOf(root).view());
  RETURN_IF_ERROR(SealTo(root, public_key, place.repository, again));
  return again;
}

Result<RootSecret> OpenRoot(const format::AccessKeyObject& object, const AccessKeyPair& pair,
                            const RepositoryId& repository) {
  ASSIGN_OR_RETURN(crypto::X25519PublicKey ephemeral, PublicKeyFrom(object.ephemeral_public_key()));
  if (object.sealed_root().size() != kRootBytes + crypto::kTagBytes) {
    return Error{Code::kDamaged, "the sealed root has the wrong length", ""};
  }
  ASSIGN_OR_RETURN(auto shared, crypto::SharedSecret(pair.private_key, ephemeral));
  crypto::SecretArray<32> key;
  RETURN_IF_ERROR(SealKey(shared.view(), object, key));
  crypto::Aead aead(key.view());
  RootSecret root;
  Status opened = aead.Open(0, SealAssociatedData(object, repository).bytes,
                            AsBytes(object.sealed_root()), root.span());
  if (!opened.ok()) return WrongKey("the root of the cluster does not open with this key");
  RETURN_IF_ERROR(CheckPublicKey(root, object));
  if (RootIdOf(root).view().size() != object.root_id().size() ||
      ToString(RootIdOf(root).view()) != object.root_id()) {
    return Error{Code::kDamaged, "the id of the root does not fit", ""};
  }
  return root;
}

Result<AccessKeyPair> PairFromPassphrase(const format::AccessKeyObject& object,
                                         ByteView passphrase) {
  crypto::ScryptParameters parameters{object.scrypt().log2_n(), object.scrypt().r(),
                                      object.scrypt().p()};
  ASSIGN_OR_RETURN(crypto::SecretBytes seed,
                   crypto::Scrypt(passphrase, AsBytes(object.scrypt().salt()), parameters, 32));
  return AccessKeyPair::FromPrivate(crypto::X25519PrivateKey::FromSeed(seed.view().first<32>()));
}

Result<RootSecret> PlainRoot(const format::AccessKeyObject& object) {
  if (object.plain_root().size() != kRootBytes) {
    return Error{Code::kDamaged, "the root of the unencrypted cluster has the wrong length", ""};
  }
  RootSecret root;
  std::copy(object.plain_root().begin(), object.plain_root().end(), root.span().begin());
  if (ToString(RootIdOf(root).view()) != object.root_id()) {
    return Error{Code::kDamaged, "the id of the root does not fit", ""};
  }
  return root;
}

}  // namespace pgcairn::repository
