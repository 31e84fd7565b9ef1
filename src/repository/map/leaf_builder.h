// A map leaf that is being made, partly of new units and partly of those that an earlier one knows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "repository/map/known_leaf.h"
#include "repository/map/map_leaf.h"
#include "repository/map/pack_bytes.h"
#include "repository/pack/pack_reference.h"
#include "util/bytes.h"

namespace pgcairn::repository {

// A patch states at most one unit in so many: with one page in a hundred changed from backup to
// backup, patches that grow up to here and a whole leaf now and then take the least room together
// (a whole leaf is about 40 KB compressed, a patched unit 16 bytes).
inline constexpr uint32_t kPatchShare = 8;

// Packs of the writer are counted by serials until they are closed and have a name.
class LeafBuilder {
 public:
  // `aligned` knows the unit at each place of the new leaf, as far as it reaches; or null. It must
  // live until Close.
  LeafBuilder(uint32_t number, const KnownLeaf* aligned) : number_(number), aligned_(aligned) {}

  // Units, in the order of the leaf.
  void Keep(const KnownUnit& known);
  void AddZero(uint64_t fingerprint);
  void AddStored(uint16_t blob, uint32_t place, uint64_t fingerprint);

  // A blob of the writer that units are added to before it is stored.
  uint16_t ReserveBlob();
  void SetBlob(uint16_t blob, uint32_t pack_serial, const BlobLocation& location);

  // No more units. Afterwards no KnownLeaf is looked at any more.
  void Close();

  uint32_t number() const { return number_; }
  size_t unit_count() const { return unit_count_; }
  // What it takes while it waits for its packs' names.
  size_t memory_bytes() const {
    return units_.size() * sizeof(UnitEntry) + blobs_.size() * sizeof(TableBlob) +
           packs_.size() * sizeof(Pack);
  }
  // Every unit is where the aligned leaf says, which can serve as it is. After Close.
  bool unchanged() const { return form_ == Form::kUnchanged; }
  // All packs with serials below `closed.size()` are closed and named by it; a serial without a
  // name is still open.
  bool IsReady(const std::vector<std::optional<PackReference>>& closed) const;

  // What is to be stored. After Close, when ready, and not when unchanged.
  Bytes Encode(const std::vector<std::optional<PackReference>>& closed) const;
  // The pack of the leaf that the encoding is a patch on.
  std::optional<PackReference> base_pack() const;
  std::vector<PackBytes> Uses(const std::vector<std::optional<PackReference>>& closed) const;

 private:
  enum class Form : uint8_t { kOpen, kUnchanged, kPatch, kWhole };
  // A pack with a name, or one of the writer's.
  struct Pack {
    std::optional<PackReference> known;
    uint32_t serial = 0;
  };
  // Which of a known leaf's blobs and packs stand where in this one.
  struct Kept {
    const KnownLeaf* leaf = nullptr;
    std::vector<uint16_t> blobs;
    std::vector<uint32_t> packs;
  };

  Kept& KeptOf(const KnownLeaf* leaf);
  uint16_t TakeBlob(Kept& kept, uint16_t blob);
  void Append(const UnitEntry& unit, bool as_aligned);
  void ChooseForm();
  std::vector<PackReference> Named(const std::vector<std::optional<PackReference>>& closed) const;
  Bytes EncodeWhole(std::vector<PackReference> packs) const;
  Bytes EncodePatch(const std::vector<PackReference>& packs) const;

  uint32_t number_;
  const KnownLeaf* aligned_;
  Form form_ = Form::kOpen;
  std::vector<Pack> packs_;
  std::vector<TableBlob> blobs_;
  std::vector<UnitEntry> units_;  // kPatch: from Close on those of patched_ only
  size_t unit_count_ = 0;
  std::vector<uint64_t> blob_bytes_;  // of each blob, the raw bytes that units need; from Close on
  std::vector<Kept> kept_;
  std::vector<uint16_t> changed_;  // places, rising, that differ from the aligned leaf
  LeafBase base_;                  // kPatch
  std::vector<uint16_t> patched_;  // kPatch: the places that the patch states
};

}  // namespace pgcairn::repository
