#include "repository/wal_store/wal_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/seal/codec.h"
#include "repository/seal/document.h"
#include "repository/seal/object_key.h"
#include "repository/wal_store/wal_blobs.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kInfoBytesMax = 16 * 1024 * 1024;
constexpr size_t kSegmentNameDigits = 24;

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
  if (!head.header.sealed) return DamagedWalFile(name, "it is not sealed");
  ByteView body = object.subspan(head.header.size_bytes());
  ASSIGN_OR_RETURN(DocumentFrame frame, DecodeFrame(body, kInfoBytesMax));
  if (body.size() < kFrameBytes + frame.stored_length)
    return DamagedWalFile(name, "it is cut short");
  ASSIGN_OR_RETURN(ByteView key, cluster.keys.Find(head.header.key_id));
  ASSIGN_OR_RETURN(ObjectKey object_key,
                   ObjectKey::Derive(key, head.header.salt, ObjectKind::kWal, cluster.place));
  if (object_key.key_check() != head.header.key_check) return DamagedWalFile(name, "its key check");
  Bytes encoded(frame.stored_length - kSealBytes);
  RETURN_IF_ERROR(object_key.Open({0, frame.codec, frame.raw_length},
                                  body.subspan(kFrameBytes, frame.stored_length), encoded));
  Bytes message(frame.raw_length);
  Decoder decoder;
  RETURN_IF_ERROR(decoder.Decode(frame.codec, encoded, message));
  if (!head.info.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
      head.info.name() != name) {
    return DamagedWalFile(name, "it holds another file");
  }
  if (head.info.content_identity() != ToString(head.header.content_identity.view())) {
    return DamagedWalFile(name, "its content identity does not fit");
  }
  head.size_bytes = head.header.size_bytes() + kFrameBytes + frame.stored_length;
  return head;
}

// A sealed WAL object, its head opened.
struct OpenedObject {
  Bytes stored;
  OpenedHead head;
};

Result<OpenedObject> GetObject(const ClusterAccess& cluster, std::string_view name,
                               const std::string& object) {
  constexpr uint64_t kObjectBytesMax = kWalFileBytesMax + kWalFileBytesMax / 64;
  OpenedObject opened;
  ASSIGN_OR_RETURN(opened.stored, cluster.storage.Get(object, kObjectBytesMax));
  ASSIGN_OR_RETURN(opened.head,
                   OpenHead(cluster, name, opened.stored).Context("opening " + object));
  if (opened.head.info.raw_size() > kWalFileBytesMax) {
    return DamagedWalFile(name, "its size is impossible");
  }
  return opened;
}

Status OpenBlobs(const ClusterAccess& cluster, std::string_view name, const OpenedObject& opened,
                 size_t threads, const WalSink& sink) {
  const ObjectHeader& header = opened.head.header;
  ASSIGN_OR_RETURN(ByteView key, cluster.keys.Find(header.key_id));
  auto make_key = [&] {
    return ObjectKey::Derive(key, header.salt, ObjectKind::kWal, cluster.place);
  };
  return OpenWalBlobs(name, opened.head.info,
                      ByteView(opened.stored).subspan(opened.head.size_bytes), threads, make_key,
                      sink);
}

struct ProvenFile {
  Bytes content;  // without any or all of the zeros at the file's end
  format::WalInfo info;
  ContentIdentity identity;
};

Result<ProvenFile> ReadAndProve(const ClusterAccess& cluster, std::string_view name,
                                const std::string& object, size_t threads) {
  ASSIGN_OR_RETURN(OpenedObject opened, GetObject(cluster, name, object));
  const uint64_t file_bytes = opened.head.info.raw_size();
  uint64_t content_bytes = 0;
  for (const format::WalBlob& blob : opened.head.info.blobs()) content_bytes += blob.raw_length();
  ProvenFile file;
  // Blobs of more bytes than the file has are refused before one of them is written.
  file.content.resize(std::min(content_bytes, file_bytes));
  WalSink sink;
  sink.write = [&](uint64_t offset, ByteView bytes) -> Status {
    std::ranges::copy(bytes, file.content.begin() + static_cast<ptrdiff_t>(offset));
    return {};
  };
  sink.write_zeros = [](uint64_t, uint64_t) { return Status(); };
  RETURN_IF_ERROR(OpenBlobs(cluster, name, opened, threads, sink).Context("opening " + object));
  file.identity =
      WalIdentity(cluster.keys.wal_identity_key(), name, file_bytes, ByteView(file.content));
  if (file.identity != opened.head.header.content_identity) {
    return DamagedWalFile(name, "its content identity does not fit");
  }
  file.info = std::move(opened.head.info);
  return file;
}

}  // namespace

ContentIdentity WalStore::IdentityOf(std::string_view name, ByteView file) const {
  return WalIdentity(cluster_.keys.wal_identity_key(), name, file.size(), file);
}

Result<PushOutcome> WalStore::Push(std::string_view name, const WalContent& file,
                                   const DescribeWal& describe, int level) const {
  CHECK(file.bytes.size() <= file.file_bytes && file.file_bytes <= kWalFileBytesMax);
  ObjectHeader header;
  header.kind = ObjectKind::kWal;
  header.sealed = true;
  SealingKey current = cluster_.keys.Current();
  header.key_id = current.id;
  ASSIGN_OR_RETURN(header.salt, NewSalt());
  ASSIGN_OR_RETURN(ObjectKey key,
                   ObjectKey::Derive(current.key, header.salt, ObjectKind::kWal, cluster_.place));
  header.key_check = key.key_check();

  const ByteView identity_key = cluster_.keys.wal_identity_key();
  format::WalInfo info;
  auto make_key = [&] {
    return ObjectKey::Derive(current.key, header.salt, ObjectKind::kWal, cluster_.place);
  };
  auto meanwhile = [&]() -> Status {
    ASSIGN_OR_RETURN(info, describe());
    return {};
  };
  ASSIGN_OR_RETURN(SealedWal sealed, SealWalBlobs(WithoutTrailingZeros(file.bytes), level, threads_,
                                                  make_key, identity_key, meanwhile, info));
  header.content_identity = WalIdentity(identity_key, name, file.file_bytes, sealed.tags);
  info.set_name(std::string(name));
  info.set_raw_size(file.file_bytes);
  info.set_system_identifier(system_identifier_);
  info.set_pushed_at_us(Timestamp::Now().unix_us);
  info.set_content_identity(ToString(header.content_identity.view()));
  ASSIGN_OR_RETURN(Bytes sealed_info, SealInfo(info, key));

  Bytes encoded_header = EncodeHeader(header);
  std::vector<ByteView> parts{encoded_header, sealed_info};
  parts.insert(parts.end(), sealed.blobs.begin(), sealed.blobs.end());
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
  Bytes head(kSealedHeaderBytes);
  RETURN_IF_ERROR(cluster_.storage.GetRange(ObjectName(name), 0, head));
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(head, ObjectKind::kWal));
  return header.content_identity;
}

Result<format::WalInfo> WalStore::ReadInfo(std::string_view name) const {
  std::string object = ObjectName(name);
  constexpr size_t kHeadBytes = kSealedHeaderBytes + kFrameBytes;
  Bytes head(kHeadBytes);
  RETURN_IF_ERROR(cluster_.storage.GetRange(object, 0, head));
  RETURN_IF_ERROR(DecodeHeader(head, ObjectKind::kWal));
  ASSIGN_OR_RETURN(DocumentFrame frame,
                   DecodeFrame(ByteView(head).subspan(kSealedHeaderBytes), kInfoBytesMax));
  Bytes whole(kHeadBytes + frame.stored_length);
  RETURN_IF_ERROR(cluster_.storage.GetRange(object, 0, whole));
  Result<OpenedHead> opened = OpenHead(cluster_, name, whole);
  if (!opened.ok()) return std::move(opened).Context("opening " + object).error();
  return std::move(opened->info);
}

Status WalStore::Read(std::string_view name, const WalSink& sink) const {
  std::string object = ObjectName(name);
  ASSIGN_OR_RETURN(OpenedObject opened, GetObject(cluster_, name, object));
  return OpenBlobs(cluster_, name, opened, threads_, sink).Context("opening " + object);
}

Result<WalFile> WalStore::Fetch(std::string_view name) const {
  ASSIGN_OR_RETURN(ProvenFile file, ReadAndProve(cluster_, name, ObjectName(name), threads_));
  file.content.resize(file.info.raw_size());
  return WalFile{std::move(file.content), std::move(file.info), file.identity};
}

Result<ContentIdentity> WalStore::Prove(std::string_view name) const {
  ASSIGN_OR_RETURN(ProvenFile file, ReadAndProve(cluster_, name, ObjectName(name), threads_));
  return file.identity;
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
