#include "repository/map/metadata_writer.h"

#include <utility>

namespace pgcairn::repository {
namespace {

// Fingerprints do not compress; the other columns do at any level.
constexpr int kMetadataLevel = 3;

}  // namespace

MetadataWriter::MetadataWriter(const ClusterAccess& cluster, PackUploader& uploader)
    : cluster_(cluster), uploader_(uploader), encoder_(kMetadataLevel) {}

Result<PendingBlob> MetadataWriter::Add(ByteView raw) {
  std::lock_guard lock(mutex_);
  if (pack_ && !pack_->HasRoom(raw.size())) RETURN_IF_ERROR(ClosePack());
  if (!pack_) {
    ASSIGN_OR_RETURN(PackBuilder pack,
                     PackBuilder::Begin(ObjectKind::kMetadataPack, cluster_.keys.Current(),
                                        cluster_.place, &encoder_));
    pack_.emplace(std::move(pack));
  }
  PendingBlob blob;
  blob.pack = static_cast<uint32_t>(closed_.size());
  ASSIGN_OR_RETURN(blob.location, pack_->Add(raw));
  return blob;
}

Status MetadataWriter::ClosePack() {
  FinishedPack finished = pack_->Finish();
  pack_.reset();
  closed_.push_back(finished.reference);
  return uploader_.Submit(std::move(finished));
}

Result<std::vector<PackReference>> MetadataWriter::Finish() { return CloseOpenPack(); }

Result<std::vector<PackReference>> MetadataWriter::CloseOpenPack() {
  std::lock_guard lock(mutex_);
  if (pack_) RETURN_IF_ERROR(ClosePack());
  return closed_;
}

}  // namespace pgcairn::repository
