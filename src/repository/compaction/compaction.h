// Forward compaction: which packs the next backup is to empty (docs/compaction.md).
//
// A pack is emptied by storing afresh, from the files of the server, every unit of it that the
// backup still needs; nothing that is stored is rewritten. The pack goes when the last backup goes
// that needs it.
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/sha256.h"
#include "repository/pack/pack_builder.h"

namespace pgcairn::repository {

inline constexpr double kLiveShareMinDefault = 0.5;
// Below this a pack is small: a restore waits longer for the answer than for the bytes.
inline constexpr uint64_t kSmallPackBytes = kPackBytesTarget / 16;

// A data pack as the newest backup sees it.
struct PackUse {
  crypto::Sha256Digest sha256;
  uint64_t stored_bytes = 0;
  // Of the stored bytes those that units of the backup take; a unit takes its share of its blob.
  uint64_t live_bytes = 0;
};

struct PackToEmpty {
  crypto::Sha256Digest sha256;
  // Stored bytes that the run may spend on this pack: what lives in it, but of the last one only
  // what is left. A backup meets units in the order of files, not of packs; without this bound a
  // pack that cannot be emptied now would take what would empty others.
  uint64_t bytes_max = 0;
};

struct PacksToEmpty {
  // In the order of their worth, each once.
  std::vector<PackToEmpty> packs;
  double live_share_min = 0;
  // What the run may spend however little changes.
  uint64_t bytes_floor = 0;

  // Stored bytes that the run may spend on units that did not change when it has spent
  // `changed_bytes` on units that did: changed * t / (1 - t), with the default as many as changed,
  // or bytes_floor if that is more. Whoever empties the packs stops there, wherever that is. A pack
  // that is left almost empty is among the first of the next run.
  uint64_t BytesMax(uint64_t changed_bytes) const;
};

// `changed_bytes` is what is expected to change: the stored bytes of what changed in the backup
// before. `live_share_min` is t below; at 0 or less nothing is chosen, 1 or more counts as 0.99.
//
// First: small packs, smallest first, once they together hold kSmallPackBytes and are at least
// four. Merged they are small no more, so this moves each byte once. It moves less than
// 2 * kSmallPackBytes in a run, and may do so whatever changed: backups of some KiB could never put
// together otherwise what many such backups have left behind.
//
// Second: packs of a live share below t, least share first.
//
// Third: further packs, least share first, while all packs together are longer than allowed for
// what lives in them. Random changes make them ln(1/t) / (1 - t) times as long by the second rule
// alone; what is allowed is four fifths of the way there (1.31 with the default). After a full
// backup the second rule has nothing to do for long, and then all at once: packs of one age fall
// below t in the same days, more of them than a run may empty.
//
// Second and third end where BytesMax is spent; the last pack may need more than is left. When
// less than kSmallPackBytes is expected to change, they wait for a run in which there is something
// to merge, and may then spend as much as the merge; else each such run would leave one more small
// pack.
//
// Never chosen: packs without anything live (there is nothing to store afresh), and packs that are
// all alive unless they are merged; nothing at all when nothing is expected to change. Equal packs
// are taken in the order of their names, so the answer depends on the set of packs only.
PacksToEmpty ChoosePacksToEmpty(std::vector<PackUse> packs, double live_share_min,
                                uint64_t changed_bytes);

}  // namespace pgcairn::repository
