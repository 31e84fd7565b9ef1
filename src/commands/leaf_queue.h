// Which thread restores which map leaf, so that they stay out of each other's files.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "repository/map/stream_list.h"

namespace pgcairn::commands {

// Two threads that write to one file wait for each other: ext4, XFS and tmpfs let one writer in at
// a time, and the other burns its processor meanwhile. So a thread goes on in the file that it is
// in, then takes the longest that nobody has begun, and helps with a file of others only when there
// is none.
// Any number of threads.
class LeafQueue {
 public:
  // What one thread remembers between two leaves.
  struct Turn {
    std::optional<size_t> run;
  };

  // `parts` as repository::PartsByLeaf gives them; leaves without any are left out.
  explicit LeafQueue(const std::vector<std::vector<repository::LeafPart>>& parts);

  // The leaf to restore next, each once; nothing when all are given out.
  std::optional<size_t> Next(Turn& turn);

 private:
  // Leaves that lie side by side and share a file, from neighbour to neighbour.
  struct Run {
    std::vector<size_t> leaves;
    size_t first = 0;  // not given out
    size_t end = 0;

    size_t left() const { return end - first; }
  };

  std::mutex mutex_;
  std::vector<Run> runs_;
  size_t next_run_ = 0;  // the first that nobody has begun
};

}  // namespace pgcairn::commands
