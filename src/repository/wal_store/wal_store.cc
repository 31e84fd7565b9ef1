#include "repository/wal_store/wal_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/sha256.h"
#include "repository/seal/codec.h"
#include "repository/seal/document.h"
#include "repository/seal/object_key.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

constexpr size_t kBlobRawBytes = size_t{1024} * 1024;
constexpr uint32_t kInfoBytesMax = 16 * 1024 * 1024;
constexpr size_t kSegmentNameDigits = 24;

Error Damaged(std::string_view name, std::string_view what) {
  return {Code::kDamaged, fmt::format("the archived {} is damaged: {}", name, what),
          "run `pgcairn check`; a backup taken after this segment does not need it"};
}

// The file's bytes as sealed blobs, ordinals from 1; their lengths go into `info`.
Result<Bytes> SealBlobs(ByteView file, int level, ObjectKey& key, format::WalInfo& info) {
  Encoder encoder(level);
  Bytes blobs;
  uint32_t ordinal = 1;
  for (size_t at = 0; at < file.size(); at += kBlobRawBytes, ++ordinal) {
    ByteView raw = file.subspan(at, std::min(kBlobRawBytes, file.size() - at));
    size_t used = blobs.size();
    blobs.resize(used + Encoder::EncodedSizeMax(raw.size()) + kSealBytes);
    std::span<uint8_t> room = std::span(blobs).subspan(used);
    ASSIGN_OR_RETURN(Encoder::Encoded encoded, encoder.Encode(raw, room));
    auto raw_length = static_cast<uint32_t>(raw.size());
    RETURN_IF_ERROR(key.Seal({ordinal, encoded.codec, raw_length}, room.first(encoded.size),
                             room.first(encoded.size + kSealBytes)));
    blobs.resize(used + encoded.size + kSealBytes);
    format::WalBlob* blob = info.add_blobs();
    blob->set_codec(encoded.codec);
    blob->set_raw_length(raw_length);
    blob->set_stored_length(static_cast<uint32_t>(encoded.size + kSealBytes));
  }
  return blobs;
}

Result<Bytes> SealInfo(const format::WalInfo& info, ObjectKey& key) {
  constexpr int kInfoLevel = 1;
  std::string message = info.SerializeAsString();
  Encoder encoder(kInfoLevel);
  Bytes encoded(Encoder::EncodedSizeMax(message.size()) + kSealBytes);
  ASSIGN_OR_RETURN(Encoder::Encoded done, encoder.Encode(AsBytes(message), encoded));
  DocumentFrame frame{done.codec, static_cast<uint32_t>(message.size()),
                      static_cast<uint32_t>(done.size + kSealBytes)};
  Bytes out;
  AppendFrame(out, frame);
  RETURN_IF_ERROR(key.Seal({0, frame.codec, frame.raw_length}, ByteView(encoded).first(done.size),
                           std::span(encoded).first(frame.stored_length)));
  Append(out, ByteView(encoded).first(frame.stored_length));
  return out;
}

// The head of a WAL object, opened.
struct OpenedHead {
  ObjectHeader header;
  format::WalInfo info;
  size_t size_bytes = 0;  // header, frame and info blob
};

Result<OpenedHead> OpenHead(const ClusterAccess& cluster, std::string_view name, ByteView object) {
  OpenedHead head;
  ASSIGN_OR_RETURN(head.header, DecodeHeader(object, ObjectKind::kWal));
  if (!head.header.sealed) return Damaged(name, "it is not sealed");
  ByteView body = object.subspan(head.header.size_bytes());
  ASSIGN_OR_RETURN(DocumentFrame frame, DecodeFrame(body, kInfoBytesMax));
  if (body.size() < kFrameBytes + frame.stored_length) return Damaged(name, "it is cut short");
  ASSIGN_OR_RETURN(ByteView key, cluster.keys.Find(head.header.key_id));
  ASSIGN_OR_RETURN(ObjectKey object_key,
                   ObjectKey::Derive(key, head.header.salt, ObjectKind::kWal, cluster.place));
  if (object_key.key_check() != head.header.key_check) return Damaged(name, "its key check");
  Bytes encoded(frame.stored_length - kSealBytes);
  RETURN_IF_ERROR(object_key.Open({0, frame.codec, frame.raw_length},
                                  body.subspan(kFrameBytes, frame.stored_length), encoded));
  Bytes message(frame.raw_length);
  Decoder decoder;
  RETURN_IF_ERROR(decoder.Decode(frame.codec, encoded, message));
  if (!head.info.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
      head.info.name() != name) {
    return Damaged(name, "it holds another file");
  }
  head.size_bytes = head.header.size_bytes() + kFrameBytes + frame.stored_length;
  return head;
}

Result<Bytes> OpenBlobs(const ClusterAccess& cluster, std::string_view name, const OpenedHead& head,
                        ByteView blobs) {
  if (head.info.raw_size() > kWalFileBytesMax) return Damaged(name, "its size is impossible");
  ASSIGN_OR_RETURN(ByteView key, cluster.keys.Find(head.header.key_id));
  ASSIGN_OR_RETURN(ObjectKey object_key,
                   ObjectKey::Derive(key, head.header.salt, ObjectKind::kWal, cluster.place));
  Bytes file(head.info.raw_size());
  Bytes encoded;
  Decoder decoder;
  size_t used = 0;
  uint32_t ordinal = 1;
  for (const format::WalBlob& blob : head.info.blobs()) {
    if (blob.stored_length() > blobs.size() || blob.stored_length() < kSealBytes ||
        blob.raw_length() > file.size() - used || blob.codec() > UINT16_MAX) {
      return Damaged(name, "its blobs do not fit");
    }
    auto codec = static_cast<uint16_t>(blob.codec());
    encoded.resize(blob.stored_length() - kSealBytes);
    RETURN_IF_ERROR(object_key.Open({ordinal++, codec, blob.raw_length()},
                                    blobs.first(blob.stored_length()), encoded));
    RETURN_IF_ERROR(
        decoder.Decode(codec, encoded, std::span(file).subspan(used, blob.raw_length())));
    blobs = blobs.subspan(blob.stored_length());
    used += blob.raw_length();
  }
  if (used != file.size() || !blobs.empty()) return Damaged(name, "its length does not fit");
  return file;
}

}  // namespace

ContentIdentity WalStore::IdentityOf(std::string_view name, ByteView file) const {
  Bytes prefix;
  AppendLe<uint16_t>(prefix, static_cast<uint16_t>(name.size()));
  Append(prefix, AsBytes(name));
  return {crypto::HmacSha256(cluster_.keys.wal_identity_key(), {ByteView(prefix), file}).bytes};
}

Result<PushOutcome> WalStore::Push(std::string_view name, ByteView file, format::WalInfo info,
                                   int level) const {
  CHECK(file.size() <= kWalFileBytesMax);
  ObjectHeader header;
  header.kind = ObjectKind::kWal;
  header.sealed = true;
  header.content_identity = IdentityOf(name, file);
  SealingKey current = cluster_.keys.Current();
  header.key_id = current.id;
  ASSIGN_OR_RETURN(header.salt, NewSalt());
  ASSIGN_OR_RETURN(ObjectKey key,
                   ObjectKey::Derive(current.key, header.salt, ObjectKind::kWal, cluster_.place));
  header.key_check = key.key_check();

  info.set_name(std::string(name));
  info.set_raw_size(file.size());
  info.set_system_identifier(system_identifier_);
  info.set_pushed_at_us(Timestamp::Now().unix_us);
  ASSIGN_OR_RETURN(Bytes blobs, SealBlobs(file, level, key, info));
  ASSIGN_OR_RETURN(Bytes sealed_info, SealInfo(info, key));

  Bytes encoded_header = EncodeHeader(header);
  std::array<ByteView, 3> parts{encoded_header, sealed_info, blobs};
  std::string object = ObjectName(name);
  Status put = cluster_.storage.PutIfAbsent(object, parts).Context("archiving " + object);
  if (put.ok()) return PushOutcome::kStored;
  if (put.code() != Code::kAlreadyExists) return put;
  ASSIGN_OR_RETURN(ContentIdentity there, ReadIdentity(name));
  if (there == header.content_identity) return PushOutcome::kAlreadyStored;
  return Error{Code::kRefused, fmt::format("{} is archived already, with other content", object),
               "two servers archive into one place, or a restored copy archives into its origin's: "
               "give this server its own cluster.name and run `pgcairn init` for it"};
}

Result<ContentIdentity> WalStore::ReadIdentity(std::string_view name) const {
  ASSIGN_OR_RETURN(Bytes head, cluster_.storage.GetRange(ObjectName(name), 0, kSealedHeaderBytes));
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(head, ObjectKind::kWal));
  return header.content_identity;
}

Result<format::WalInfo> WalStore::ReadInfo(std::string_view name) const {
  std::string object = ObjectName(name);
  constexpr size_t kHeadBytes = kSealedHeaderBytes + kFrameBytes;
  ASSIGN_OR_RETURN(Bytes head, cluster_.storage.GetRange(object, 0, kHeadBytes));
  RETURN_IF_ERROR(DecodeHeader(head, ObjectKind::kWal));
  ASSIGN_OR_RETURN(DocumentFrame frame,
                   DecodeFrame(ByteView(head).subspan(kSealedHeaderBytes), kInfoBytesMax));
  ASSIGN_OR_RETURN(Bytes whole,
                   cluster_.storage.GetRange(object, 0, kHeadBytes + frame.stored_length));
  Result<OpenedHead> opened = OpenHead(cluster_, name, whole);
  if (!opened.ok()) return std::move(opened).Context("opening " + object).error();
  return std::move(opened->info);
}

Result<WalFile> WalStore::Fetch(std::string_view name) const {
  std::string object = ObjectName(name);
  constexpr uint64_t kObjectBytesMax = kWalFileBytesMax + kWalFileBytesMax / 64;
  ASSIGN_OR_RETURN(Bytes stored, cluster_.storage.Get(object, kObjectBytesMax));
  Result<OpenedHead> head = OpenHead(cluster_, name, stored);
  if (!head.ok()) return std::move(head).Context("opening " + object).error();
  WalFile file;
  Result<Bytes> bytes =
      OpenBlobs(cluster_, name, *head, ByteView(stored).subspan(head->size_bytes));
  if (!bytes.ok()) return std::move(bytes).Context("opening " + object).error();
  file.bytes = std::move(*bytes);
  file.identity = IdentityOf(name, file.bytes);
  if (file.identity != head->header.content_identity) {
    return Damaged(name, "its content identity does not fit");
  }
  file.info = std::move(head->info);
  return file;
}

Result<std::vector<std::string>> WalStore::ListSegments() const {
  std::string root = cluster_.names.Wal(system_identifier_);
  ASSIGN_OR_RETURN(storage::Listing logs, cluster_.storage.List(root));
  std::vector<std::string> names;
  for (const std::string& log : logs.directories) {
    ASSIGN_OR_RETURN(storage::Listing listing, cluster_.storage.List(log));
    for (const storage::ObjectInfo& object : listing.objects) {
      std::string name = object.name.substr(log.size() + 1);
      if (name.size() == kSegmentNameDigits) names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> WalStore::ListHistories() const {
  std::string directory = cluster_.names.Wal(system_identifier_) + "/history";
  ASSIGN_OR_RETURN(storage::Listing listing, cluster_.storage.List(directory));
  std::vector<std::string> names;
  for (const storage::ObjectInfo& object : listing.objects) {
    names.push_back(object.name.substr(directory.size() + 1));
  }
  return names;
}

}  // namespace pgcairn::repository
