#include "commands/leaf_queue.h"

#include <algorithm>
#include <functional>

namespace pgcairn::commands {

LeafQueue::LeafQueue(const std::vector<std::vector<repository::LeafPart>>& parts, size_t threads)
    : threads_(threads) {
  std::optional<uint32_t> last_stream;
  for (size_t leaf = 0; leaf < parts.size(); ++leaf) {
    if (parts[leaf].empty()) continue;
    if (last_stream != parts[leaf].front().stream) runs_.emplace_back();
    runs_.back().leaves.push_back(leaf);
    ++runs_.back().end;
    ++left_;
    last_stream = parts[leaf].back().stream;
  }
  std::ranges::stable_sort(runs_, std::ranges::greater(), &Run::left);
}

std::vector<size_t> LeafQueue::NextBatch(Turn& turn) {
  std::lock_guard lock(mutex_);
  const size_t wanted = std::clamp(left_ / (2 * threads_), size_t{1}, kBatchLeavesMax);
  std::vector<size_t> batch;
  while (batch.size() < wanted) {
    if (!turn.run || runs_[*turn.run].left() == 0) {
      if (next_run_ == runs_.size()) break;
      turn.run = next_run_++;
    }
    Run& run = runs_[*turn.run];
    const size_t count = std::min(run.left(), wanted - batch.size());
    for (size_t i = 0; i < count; ++i) batch.push_back(run.leaves[run.first++]);
  }
  if (batch.empty()) batch = HelpOthers(wanted);
  left_ -= batch.size();
  return batch;
}

// From the end: the one who is in the file goes on where it is.
std::vector<size_t> LeafQueue::HelpOthers(size_t leaves_max) {
  auto longest = std::ranges::max_element(runs_, {}, &Run::left);
  if (longest == runs_.end() || longest->left() == 0) return {};
  const size_t count = std::min(leaves_max, (longest->left() + 1) / 2);
  longest->end -= count;
  auto first = longest->leaves.begin() + static_cast<std::ptrdiff_t>(longest->end);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace pgcairn::commands
