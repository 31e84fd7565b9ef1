// How far a long operation is: a bar on a terminal, a plain line now and then elsewhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace pgcairn {

enum class ProgressStyle { kNone, kLines, kBar };

// kBar when standard error is a terminal, else kLines.
ProgressStyle ProgressStyleForTerminal();

// Add and Expect may be called from any thread; Show and Finish from one. Writes to standard error.
class Progress {
 public:
  // `doing` is what is shown: "backup". `total_bytes` may be 0: unknown.
  Progress(ProgressStyle style, std::string doing, uint64_t total_bytes);
  // Leaves the terminal's line clean.
  ~Progress();

  void Add(uint64_t bytes) { done_ += bytes; }
  // The total, where it is known later than the beginning.
  void Expect(uint64_t total_bytes) { total_ = total_bytes; }
  uint64_t done_bytes() const { return done_; }
  // Draws when it is time to: a bar at most five times a second, a line every ten seconds.
  void Show();
  void Finish();

 private:
  std::string Line(double now) const;

  const ProgressStyle style_;
  const std::string doing_;
  std::atomic<uint64_t> total_;
  const double started_;
  std::atomic<uint64_t> done_{0};
  double last_shown_;  // MonotonicSeconds
  bool drawn_ = false;
};

// "4.3 GB", "17 kB": decimal units, as disks are sold.
std::string FormatBytes(uint64_t bytes);
// "1 h 2 min", "3 min 4 s", "5.6 s".
std::string FormatDuration(double seconds);

}  // namespace pgcairn
