#include "commands/leaf_queue.h"

#include <algorithm>
#include <functional>

namespace pgcairn::commands {

LeafQueue::LeafQueue(const std::vector<std::vector<repository::LeafPart>>& parts) {
  std::optional<uint32_t> last_stream;
  for (size_t leaf = 0; leaf < parts.size(); ++leaf) {
    if (parts[leaf].empty()) continue;
    if (last_stream != parts[leaf].front().stream) runs_.emplace_back();
    runs_.back().leaves.push_back(leaf);
    ++runs_.back().end;
    last_stream = parts[leaf].back().stream;
  }
  std::ranges::stable_sort(runs_, std::ranges::greater(), &Run::left);
}

std::optional<size_t> LeafQueue::Next(Turn& turn) {
  std::lock_guard lock(mutex_);
  if (!turn.run || runs_[*turn.run].left() == 0) {
    if (next_run_ == runs_.size()) {
      // From the end: the one who is in the file goes on where it is.
      auto longest = std::ranges::max_element(runs_, {}, &Run::left);
      if (longest == runs_.end() || longest->left() == 0) return std::nullopt;
      return longest->leaves[--longest->end];
    }
    turn.run = next_run_++;
  }
  Run& run = runs_[*turn.run];
  return run.leaves[run.first++];
}

}  // namespace pgcairn::commands
