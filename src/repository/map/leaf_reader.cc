#include "repository/map/leaf_reader.h"

#include <utility>

#include "repository/pack/wanted_blobs.h"

namespace pgcairn::repository {
namespace {

Result<MapLeaf> DecodeListedLeaf(const TableBlob& at, ByteView raw) {
  ASSIGN_OR_RETURN(MapLeaf leaf, DecodeMapLeaf(raw));
  if (leaf.units.size() != at.units) {
    return Error{Code::kDamaged, "a map leaf has another number of units than its list says", ""};
  }
  return leaf;
}

}  // namespace

Result<std::vector<MapLeaf>> ReadLeaves(BlobReader& reader, const StreamList& list,
                                        std::span<const size_t> indices) {
  std::vector<MapLeaf> leaves(indices.size());
  WantedBlobs wanted;
  for (size_t i = 0; i < indices.size(); ++i) {
    const TableBlob& at = list.leaves[indices[i]];
    wanted.Want(wanted.Pack(list.packs[at.pack]), at.location, static_cast<uint32_t>(i));
  }
  RETURN_IF_ERROR(
      wanted.Read(reader, ObjectKind::kMetadataPack, [&](uint32_t i, ByteView raw) -> Status {
        ASSIGN_OR_RETURN(leaves[i], DecodeListedLeaf(list.leaves[indices[i]], raw));
        return {};
      }));
  return leaves;
}

Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index) {
  ASSIGN_OR_RETURN(std::vector<MapLeaf> leaves, ReadLeaves(reader, list, {&index, 1}));
  return std::move(leaves.front());
}

}  // namespace pgcairn::repository
