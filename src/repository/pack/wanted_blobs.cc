#include "repository/pack/wanted_blobs.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pgcairn::repository {

uint32_t WantedBlobs::Pack(const PackReference& pack) {
  auto [place, fresh] = numbers_.try_emplace(pack, static_cast<uint32_t>(packs_.size()));
  if (fresh) packs_.push_back(pack);
  return place->second;
}

void WantedBlobs::Want(uint32_t pack, const BlobLocation& at, uint32_t tag) {
  wanted_.push_back({pack, at, tag});
}

Status WantedBlobs::Read(BlobReader& reader, ObjectKind kind, const OnBlob& on_blob) {
  std::vector<Wanted> wanted = std::exchange(wanted_, {});
  const std::vector<PackReference> packs = std::exchange(packs_, {});
  numbers_.clear();
  // Offset and ordinal rise together in a sound pack; with both, the same blobs are neighbours in
  // any.
  std::ranges::stable_sort(wanted, {}, [](const Wanted& blob) {
    return std::tuple(blob.pack, blob.at.offset, blob.at.ordinal);
  });
  for (auto first = wanted.begin(); first != wanted.end();) {
    auto end = std::find_if(first, wanted.end(),
                            [&](const Wanted& blob) { return blob.pack != first->pack; });
    std::vector<BlobLocation> locations;
    locations.reserve(static_cast<size_t>(end - first));
    for (auto blob = first; blob != end; ++blob) locations.push_back(blob->at);
    RETURN_IF_ERROR(reader.ReadMany(
        kind, packs[first->pack], locations,
        [&](size_t index, ByteView raw) { return on_blob((first + index)->tag, raw); }));
    first = end;
  }
  return {};
}

}  // namespace pgcairn::repository
