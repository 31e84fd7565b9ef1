// A cluster whose pages change at random, backed up for a long time: what forward compaction costs
// and what it saves, with the choice that the program makes and nothing else of the program.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "repository/pack/pack_builder.h"

namespace pgcairn::repository {

// The first backup is a full one, all others are incremental. Every page takes the same room when
// it is stored.
struct SimulatedLoad {
  uint32_t days = 400;
  uint32_t backups_a_day = 1;
  uint32_t pages = 200'000;
  double updated_share_a_day = 0.01;   // of pages, drawn evenly; a page may be drawn twice
  uint32_t page_stored_bytes = 3'277;  // 8 KiB compressed to 40 %
  uint32_t blob_pages = 128;
  uint64_t pack_bytes = kPackBytesTarget;
  uint64_t seed = 1;
};

// Which backups are still there: numbers of backups in rising order, given the number of the
// newest. The first is 0.
struct SimulatedRetention {
  std::string name;
  std::function<std::vector<uint32_t>(uint32_t newest)> kept;
};

// Over all backups but the first.
struct Spread {
  double mean = 0;
  double max = 0;
};

struct CompactionFactors {
  // What all incremental backups stored, over what of it had changed.
  double written_per_changed = 0;
  // Packs that the newest backup needs, over the bytes in them that it needs.
  Spread packs_per_live;
  // Blobs that a restore of the newest backup reads, over the same.
  Spread read_per_live;
  // For each retention: packs that a kept backup needs, over the pages of all kept backups with
  // each content counted once, although compaction may have stored it twice.
  std::vector<Spread> stored_per_live;
  // Packs that the newest backup needs, when all is over.
  uint64_t packs = 0;
};

CompactionFactors SimulateCompaction(const SimulatedLoad& load, double live_share_min,
                                     const std::vector<SimulatedRetention>& retentions);

}  // namespace pgcairn::repository
