// Which thread restores which map leaves, so that they stay out of each other's files.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "repository/map/stream_list.h"

namespace pgcairn::commands {

// Leaves that a thread takes at once, at most: two files of 1 GiB. The more, the fewer requests,
// for what they want of one pack is fetched together; this many need about 15 MiB of memory.
inline constexpr size_t kBatchLeavesMax = 64;

// Two threads that write to one file wait for each other: ext4, XFS and tmpfs let one writer in at
// a time, and the other burns its processor meanwhile. So a thread goes on in the file that it is
// in, then takes the longest that nobody has begun, and helps with a file of others only when there
// is none.
//
// Batches become smaller towards the end, so that all threads end together: each is at most half
// of what would be every thread's share of what is left.
// Any number of threads.
class LeafQueue {
 public:
  // What one thread remembers between two batches.
  struct Turn {
    std::optional<size_t> run;
  };

  // `parts` as repository::PartsByLeaf gives them; leaves without any are left out. `threads`: how
  // many will take batches.
  LeafQueue(const std::vector<std::vector<repository::LeafPart>>& parts, size_t threads);

  // The leaves to restore next: a part of a file, whole files, or neighbouring small ones. Each
  // leaf is given out once; nothing when all are.
  std::vector<size_t> NextBatch(Turn& turn);

 private:
  // Leaves that lie side by side and share a file, from neighbour to neighbour.
  struct Run {
    std::vector<size_t> leaves;
    size_t first = 0;  // not given out
    size_t end = 0;

    size_t left() const { return end - first; }
  };

  std::vector<size_t> HelpOthers(size_t leaves_max);

  const size_t threads_;
  std::mutex mutex_;
  std::vector<Run> runs_;
  size_t next_run_ = 0;  // the first that nobody has begun
  size_t left_ = 0;      // leaves not given out
};

}  // namespace pgcairn::commands
