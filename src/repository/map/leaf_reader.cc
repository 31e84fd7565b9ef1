#include "repository/map/leaf_reader.h"

#include <utility>

#include "repository/map/map_patch.h"
#include "repository/pack/wanted_blobs.h"

namespace pgcairn::repository {
namespace {

Status CheckUnitCount(const TableBlob& at, const MapLeaf& leaf) {
  if (leaf.units.size() == at.units) return {};
  return Error{Code::kDamaged, "a map leaf has another number of units than its list says", ""};
}

Result<MapLeaf> WholeLeaf(BlobReader& reader, ByteView raw, LeafOrigin& origin) {
  if (!IsMapPatch(raw)) return DecodeMapLeaf(raw);
  ASSIGN_OR_RETURN(MapPatch patch, DecodeMapPatch(raw));
  origin.base = patch.base.pack;
  origin.base_failed = true;
  ASSIGN_OR_RETURN(Bytes base_raw, reader.Read(ObjectKind::kMetadataPack, patch.base.pack,
                                               patch.base.blob.location));
  ASSIGN_OR_RETURN(MapLeaf base, DecodeMapLeaf(base_raw));
  origin.base_failed = false;
  return ApplyPatch(base, patch);
}

}  // namespace

Result<MapLeaf> ReadLeaf(BlobReader& reader, const PackReference& pack, const TableBlob& at,
                         LeafOrigin* origin) {
  LeafOrigin ignored;
  LeafOrigin& from = origin != nullptr ? *origin : ignored;
  from = {};
  ASSIGN_OR_RETURN(Bytes raw, reader.Read(ObjectKind::kMetadataPack, pack, at.location));
  ASSIGN_OR_RETURN(MapLeaf leaf, WholeLeaf(reader, raw, from));
  RETURN_IF_ERROR(CheckUnitCount(at, leaf));
  return leaf;
}

Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index,
                         LeafOrigin* origin) {
  const TableBlob& at = list.leaves[index];
  return ReadLeaf(reader, list.packs[at.pack], at, origin);
}

Result<std::vector<MapLeaf>> ReadLeaves(BlobReader& reader, const StreamList& list,
                                        std::span<const size_t> indices) {
  std::vector<MapLeaf> leaves(indices.size());
  std::vector<std::optional<MapPatch>> patches(indices.size());
  WantedBlobs wanted;
  for (size_t i = 0; i < indices.size(); ++i) {
    const TableBlob& at = list.leaves[indices[i]];
    wanted.Want(wanted.Pack(list.packs[at.pack]), at.location, static_cast<uint32_t>(i));
  }
  WantedBlobs bases;
  RETURN_IF_ERROR(
      wanted.Read(reader, ObjectKind::kMetadataPack, [&](uint32_t i, ByteView raw) -> Status {
        if (!IsMapPatch(raw)) {
          ASSIGN_OR_RETURN(leaves[i], DecodeMapLeaf(raw));
          return {};
        }
        ASSIGN_OR_RETURN(patches[i], DecodeMapPatch(raw));
        const LeafBase& base = patches[i]->base;
        bases.Want(bases.Pack(base.pack), base.blob.location, i);
        return {};
      }));
  RETURN_IF_ERROR(
      bases.Read(reader, ObjectKind::kMetadataPack, [&](uint32_t i, ByteView raw) -> Status {
        ASSIGN_OR_RETURN(MapLeaf base, DecodeMapLeaf(raw));
        ASSIGN_OR_RETURN(leaves[i], ApplyPatch(base, *patches[i]));
        return {};
      }));
  for (size_t i = 0; i < indices.size(); ++i) {
    RETURN_IF_ERROR(CheckUnitCount(list.leaves[indices[i]], leaves[i]));
  }
  return leaves;
}

}  // namespace pgcairn::repository
