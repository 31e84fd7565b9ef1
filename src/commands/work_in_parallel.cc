#include "commands/work_in_parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace pgcairn::commands {

void WorkInParallel(size_t threads, size_t count, Progress& progress,
                    const std::function<Worker()>& make_worker) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::condition_variable ended;
  size_t running = std::min(threads, count);
  auto work = [&] {
    Worker worker = make_worker();
    for (size_t item = next++; item < count; item = next++) worker(item);
    std::lock_guard lock(mutex);
    --running;
    ended.notify_one();
  };
  std::vector<std::thread> workers;
  const size_t started = running;
  workers.reserve(started);
  for (size_t i = 0; i < started; ++i) workers.emplace_back(work);
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
    progress.Show();
  }
  lock.unlock();
  progress.Show();
  for (std::thread& worker : workers) worker.join();
}

}  // namespace pgcairn::commands
