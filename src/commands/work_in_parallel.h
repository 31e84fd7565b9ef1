// The same work on many items, by several threads, while the caller's thread shows how far it is.
#pragma once

#include <cstddef>
#include <functional>

#include "util/progress.h"

namespace pgcairn::commands {

// Does its part for one item; called by one thread.
using Worker = std::function<void(size_t item)>;

// Gives each of the items 0 to `count` - 1 to one of at most `threads` workers, in rising order,
// and returns when all are done. `make_worker` is called once in each thread, from several at once:
// what a worker holds is its thread's alone.
void WorkInParallel(size_t threads, size_t count, Progress& progress,
                    const std::function<Worker()>& make_worker);

}  // namespace pgcairn::commands
