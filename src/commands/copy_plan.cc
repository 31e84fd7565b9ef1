#include "commands/copy_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "repository/map/map_leaf.h"

namespace pgcairn::commands {
namespace {

using repository::StreamRoot;

constexpr sources::LeafShape kShape{repository::kUnitBytes, repository::kLeafUnitsMax,
                                    repository::kLeafUnitsMax / 32};

class Planner {
 public:
  Planner(const postgres::DataDirectoryListing& listing, const PreviousMap& previous,
          const CompareRules& rules)
      : listing_(listing), previous_(previous), rules_(rules) {
    plan_.reason = rules.reason;
    plan_.carried.resize(listing.files.size());
    plan_.claims_unchanged.resize(listing.files.size());
  }

  CopyPlan Run() {
    for (uint32_t file = 0; file < listing_.files.size(); ++file) LookAt(file);
    std::vector<uint32_t> read;
    for (uint32_t file = 0; file < listing_.files.size(); ++file) {
      plan_.carried[file] = MayCarry(file);
      if (plan_.carried[file]) {
        plan_.carried_bytes += listing_.files[file].size;
      } else {
        read.push_back(file);
      }
    }
    for (sources::LeafPlan& leaf : sources::PlanLeaves(listing_.files, read, kShape)) {
      plan_.leaves.push_back({std::move(leaf), false});
    }
    PlanEmptying();
    return std::move(plan_);
  }

 private:
  const PreviousMap::Stream* Earlier(uint32_t file) const {
    return previous_.Find(StreamRoot::kDataDirectory, listing_.files[file].path);
  }

  void LookAt(uint32_t file) {
    const PreviousMap::Stream* earlier = Earlier(file);
    if (earlier == nullptr || !earlier->whole) return;
    plan_.claims_unchanged[file] =
        IsUnchanged(listing_.files[file], earlier->entry, rules_.trusted_before_ns);
    if (plan_.reason == CompareReason::kNone && Contradicts(listing_.files[file], earlier->entry)) {
      plan_.reason = CompareReason::kContradiction;
      plan_.reason_detail = listing_.files[file].path;
    }
  }

  bool MayCarry(uint32_t file) const {
    if (plan_.reason != CompareReason::kNone || !plan_.claims_unchanged[file]) return false;
    return std::ranges::all_of(Earlier(file)->extents, [&](const PreviousMap::Extent& extent) {
      return previous_.IsUsable(extent.leaf);
    });
  }

  // A leaf that small files share is made anew for all of them that are carried over.
  void PlanEmptying() {
    std::map<uint32_t, sources::LeafPlan> by_leaf;
    for (uint32_t file = 0; file < listing_.files.size(); ++file) {
      if (!plan_.carried[file]) continue;
      const uint64_t size = listing_.files[file].size;
      const std::vector<PreviousMap::Extent>& extents = Earlier(file)->extents;
      for (size_t i = 0; i < extents.size(); ++i) {
        const PreviousMap::Extent& extent = extents[i];
        if (!previous_.NeedsPackToEmpty(extent.leaf)) continue;
        const uint64_t offset = extent.first_unit * repository::kUnitBytes;
        const uint64_t end =
            std::min(size, offset + uint64_t{extent.count} * repository::kUnitBytes);
        by_leaf[extent.leaf].slices.push_back({file, offset, end - offset, i + 1 < extents.size()});
      }
    }
    for (auto& [leaf, plan] : by_leaf) {
      if (CanStandAlone(plan)) plan_.leaves.push_back({std::move(plan), true});
    }
  }

  // Parts of longer streams begin at the first entry of their leaf.
  static bool CanStandAlone(const sources::LeafPlan& plan) {
    return plan.slices.size() == 1 ||
           std::ranges::all_of(plan.slices, [](const sources::Slice& slice) {
             return slice.offset == 0 && !slice.continued;
           });
  }

  const postgres::DataDirectoryListing& listing_;
  const PreviousMap& previous_;
  const CompareRules& rules_;
  CopyPlan plan_;
};

}  // namespace

CopyPlan PlanCopy(const postgres::DataDirectoryListing& listing, const PreviousMap& previous,
                  const CompareRules& rules) {
  return Planner(listing, previous, rules).Run();
}

}  // namespace pgcairn::commands
