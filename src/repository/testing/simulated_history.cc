#include "repository/testing/simulated_history.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "repository/compaction/compaction.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kStillNeeded = UINT32_MAX;

struct SimulatedBlob {
  uint32_t pack = 0;
  uint32_t pages = 0;
  uint32_t live_pages = 0;
};

struct SimulatedPack {
  uint32_t first_backup = 0;
  uint32_t first_backup_without = kStillNeeded;
  uint64_t pages = 0;
  uint64_t live_pages = 0;
};

class Measure {
 public:
  void Add(double value) {
    sum_ += value;
    count_ += 1;
    max_ = std::max(max_, value);
  }
  Spread Result() const { return {count_ == 0 ? 0 : sum_ / count_, max_}; }

 private:
  double sum_ = 0;
  double count_ = 0;
  double max_ = 0;
};

class SimulatedHistory {
 public:
  SimulatedHistory(const SimulatedLoad& load, double live_share_min)
      : load_(load),
        live_share_min_(live_share_min),
        random_(load.seed),
        blob_of_page_(load.pages, UINT32_MAX),
        last_change_(load.pages, 0),
        changed_(load.pages, false) {}

  void FullBackup() {
    std::vector<uint32_t> all(load_.pages);
    std::iota(all.begin(), all.end(), 0);
    Store(all);
    EndBackup();
  }

  void IncrementalBackup() {
    const PacksToEmpty plan = ChoosePacksToEmpty(Uses(), live_share_min_, changed_bytes_);
    const std::vector<uint32_t> changed = ChangePages();
    changed_bytes_ = changed.size() * uint64_t{load_.page_stored_bytes};
    const std::vector<uint32_t> compacted = PagesToCompact(plan);
    Store(changed);
    Store(compacted);
    all_changed_ += changed.size();
    all_written_ += changed.size() + compacted.size();
    for (uint32_t page : changed) changed_[page] = false;
    EndBackup();
  }

  uint32_t newest() const { return backup_ - 1; }
  double written_per_changed() const {
    return all_changed_ == 0
               ? 1
               : static_cast<double>(all_written_) / static_cast<double>(all_changed_);
  }

  uint64_t packs_needed() const {
    return static_cast<uint64_t>(std::count_if(
        packs_.begin(), packs_.end(), [](const auto& pack) { return pack.live_pages > 0; }));
  }

  double packs_per_live() const {
    uint64_t pages = 0;
    for (const SimulatedPack& pack : packs_) pages += pack.live_pages > 0 ? pack.pages : 0;
    return OverPages(pages, load_.pages);
  }

  double read_per_live() const {
    uint64_t pages = 0;
    for (const SimulatedBlob& blob : blobs_) pages += blob.live_pages > 0 ? blob.pages : 0;
    return OverPages(pages, load_.pages);
  }

  double StoredPerLive(const std::vector<uint32_t>& kept) const {
    uint64_t stored = 0;
    for (const SimulatedPack& pack : packs_) {
      auto first = std::lower_bound(kept.begin(), kept.end(), pack.first_backup);
      if (first != kept.end() && *first < pack.first_backup_without) stored += pack.pages;
    }
    // The oldest kept backup has all pages, each later one those that changed since the one before.
    uint64_t live = load_.pages;
    for (size_t i = 1; i < kept.size(); ++i) {
      live += load_.pages - unchanged_since_[kept[i]][kept[i - 1]];
    }
    return OverPages(stored, live);
  }

 private:
  static double OverPages(uint64_t pages, uint64_t live) {
    return static_cast<double>(pages) / static_cast<double>(live);
  }

  crypto::Sha256Digest NameOf(size_t pack) const {
    crypto::Sha256Digest name;
    std::memcpy(name.bytes.data(), &pack, sizeof pack);
    return name;
  }

  std::vector<PackUse> Uses() const {
    std::vector<PackUse> uses;
    for (size_t pack = 0; pack < packs_.size(); ++pack) {
      uses.push_back({NameOf(pack), packs_[pack].pages * load_.page_stored_bytes,
                      packs_[pack].live_pages * load_.page_stored_bytes});
    }
    return uses;
  }

  // Since the backup before; in rising order, each page once.
  std::vector<uint32_t> ChangePages() {
    const double updates = load_.updated_share_a_day * load_.pages / load_.backups_a_day;
    std::uniform_int_distribution<uint32_t> any_page(0, load_.pages - 1);
    std::vector<uint32_t> pages;
    for (double i = 0; i < updates; ++i) {
      const uint32_t page = any_page(random_);
      if (changed_[page]) continue;
      changed_[page] = true;
      last_change_[page] = backup_;
      pages.push_back(page);
    }
    std::sort(pages.begin(), pages.end());
    return pages;
  }

  // As a backup meets them: not pack by pack, but in the order of the files.
  std::vector<uint32_t> PagesToCompact(const PacksToEmpty& plan) const {
    std::vector<uint64_t> bytes_left(packs_.size(), 0);
    for (const PackToEmpty& pack : plan.packs) {
      size_t number = 0;
      std::memcpy(&number, pack.sha256.bytes.data(), sizeof number);
      bytes_left[number] = pack.bytes_max;
    }
    std::vector<uint32_t> pages;
    uint64_t all_bytes_left = plan.BytesMax(changed_bytes_);
    for (uint32_t page = 0; page < load_.pages; ++page) {
      uint64_t& of_pack = bytes_left[blobs_[blob_of_page_[page]].pack];
      if (changed_[page] || std::min(of_pack, all_bytes_left) < load_.page_stored_bytes) continue;
      of_pack -= load_.page_stored_bytes;
      all_bytes_left -= load_.page_stored_bytes;
      pages.push_back(page);
    }
    return pages;
  }

  // Into new blobs and packs.
  void Store(const std::vector<uint32_t>& pages) {
    bool begin_pack = true;
    bool begin_blob = true;
    for (uint32_t page : pages) {
      Forget(page);
      if (begin_pack || (packs_.back().pages + 1) * load_.page_stored_bytes > load_.pack_bytes) {
        packs_.push_back({backup_});
        begin_pack = false;
        begin_blob = true;
      }
      if (begin_blob || blobs_.back().pages == load_.blob_pages) {
        blobs_.push_back({static_cast<uint32_t>(packs_.size() - 1)});
        begin_blob = false;
      }
      SimulatedBlob& blob = blobs_.back();
      SimulatedPack& pack = packs_.back();
      ++blob.pages, ++blob.live_pages, ++pack.pages, ++pack.live_pages;
      blob_of_page_[page] = static_cast<uint32_t>(blobs_.size() - 1);
    }
  }

  void Forget(uint32_t page) {
    if (blob_of_page_[page] == UINT32_MAX) return;
    SimulatedBlob& blob = blobs_[blob_of_page_[page]];
    SimulatedPack& pack = packs_[blob.pack];
    --blob.live_pages, --pack.live_pages;
    if (pack.live_pages == 0) pack.first_backup_without = backup_;
  }

  void EndBackup() {
    std::vector<uint32_t> unchanged_since(backup_ + 1, 0);
    for (uint32_t change : last_change_) ++unchanged_since[change];
    std::partial_sum(unchanged_since.begin(), unchanged_since.end(), unchanged_since.begin());
    unchanged_since_.push_back(std::move(unchanged_since));
    ++backup_;
  }

  const SimulatedLoad load_;
  const double live_share_min_;
  std::mt19937_64 random_;
  uint32_t backup_ = 0;
  std::vector<uint32_t> blob_of_page_;
  std::vector<uint32_t> last_change_;  // the backup that stored the content of the page first
  std::vector<bool> changed_;
  std::vector<SimulatedBlob> blobs_;
  std::vector<SimulatedPack> packs_;
  // [b][a]: pages of backup b whose content backup a had as well.
  std::vector<std::vector<uint32_t>> unchanged_since_;
  uint64_t changed_bytes_ = 0;
  uint64_t all_changed_ = 0;
  uint64_t all_written_ = 0;
};

}  // namespace

CompactionFactors SimulateCompaction(const SimulatedLoad& load, double live_share_min,
                                     const std::vector<SimulatedRetention>& retentions) {
  SimulatedHistory history(load, live_share_min);
  history.FullBackup();
  Measure packs_per_live;
  Measure read_per_live;
  std::vector<Measure> stored_per_live(retentions.size());
  for (uint32_t backup = 1; backup < load.days * load.backups_a_day; ++backup) {
    history.IncrementalBackup();
    packs_per_live.Add(history.packs_per_live());
    read_per_live.Add(history.read_per_live());
    for (size_t i = 0; i < retentions.size(); ++i) {
      stored_per_live[i].Add(history.StoredPerLive(retentions[i].kept(history.newest())));
    }
  }
  CompactionFactors factors;
  factors.written_per_changed = history.written_per_changed();
  factors.packs_per_live = packs_per_live.Result();
  factors.read_per_live = read_per_live.Result();
  for (const Measure& measure : stored_per_live)
    factors.stored_per_live.push_back(measure.Result());
  factors.packs = history.packs_needed();
  return factors;
}

}  // namespace pgcairn::repository
