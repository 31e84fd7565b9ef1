#include "repository/map/leaf_reader.h"

namespace pgcairn::repository {

Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index,
                         LeafOrigin* origin) {
  if (origin != nullptr) *origin = {};
  const TableBlob& at = list.leaves[index];
  ASSIGN_OR_RETURN(Bytes raw,
                   reader.Read(ObjectKind::kMetadataPack, list.packs[at.pack], at.location));
  ASSIGN_OR_RETURN(MapLeaf leaf, DecodeMapLeaf(raw));
  if (leaf.units.size() != at.units) {
    return Error{Code::kDamaged, "a map leaf has another number of units than its list says", ""};
  }
  return leaf;
}

}  // namespace pgcairn::repository
