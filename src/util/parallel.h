// The same work for many items, on several threads.
#pragma once

#include <cstddef>
#include <functional>

#include "util/result.h"

namespace pgcairn {

// Calls `work(worker, item)` once for every item from 0 to `count` - 1, in rising order of their
// beginning, on at most `threads` threads (the caller's among them), and returns when all calls
// have. `worker` is below `threads` and two calls with one worker never overlap, so that it can
// pick a context. After an error no further item is begun; the error returned is that of the lowest
// item that failed. With one thread or one item no thread is started.
Status ForEachInParallel(size_t count, size_t threads,
                         const std::function<Status(size_t worker, size_t item)>& work);

}  // namespace pgcairn
