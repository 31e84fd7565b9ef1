#include "repository/map/leaf_reader.h"

#include "repository/map/map_patch.h"

namespace pgcairn::repository {
namespace {

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
  if (leaf.units.size() != at.units) {
    return Error{Code::kDamaged, "a map leaf has another number of units than its list says", ""};
  }
  return leaf;
}

Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index,
                         LeafOrigin* origin) {
  const TableBlob& at = list.leaves[index];
  return ReadLeaf(reader, list.packs[at.pack], at, origin);
}

}  // namespace pgcairn::repository
