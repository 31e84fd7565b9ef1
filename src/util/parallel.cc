#include "util/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pgcairn {
namespace {

class Run {
 public:
  Run(size_t count, const std::function<Status(size_t, size_t)>& work)
      : count_(count), work_(work) {}

  void Work(size_t worker) {
    while (!failed_.load(std::memory_order_relaxed)) {
      size_t item = next_.fetch_add(1, std::memory_order_relaxed);
      if (item >= count_) return;
      Status status = work_(worker, item);
      if (!status.ok()) Fail(item, std::move(status));
    }
  }

  Status Result() && { return std::move(error_); }

 private:
  void Fail(size_t item, Status status) {
    std::lock_guard lock(mutex_);
    if (!error_.ok() && failed_item_ < item) return;
    error_ = std::move(status);
    failed_item_ = item;
    failed_.store(true, std::memory_order_relaxed);
  }

  const size_t count_;
  const std::function<Status(size_t, size_t)>& work_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  size_t failed_item_ = 0;
  Status error_;
};

}  // namespace

Status ForEachInParallel(size_t count, size_t threads,
                         const std::function<Status(size_t worker, size_t item)>& work) {
  Run run(count, work);
  std::vector<std::thread> others;
  for (size_t worker = 1; worker < std::min(count, threads); ++worker) {
    others.emplace_back([&run, worker] { run.Work(worker); });
  }
  run.Work(0);
  for (std::thread& thread : others) thread.join();
  return std::move(run).Result();
}

}  // namespace pgcairn
