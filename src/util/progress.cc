#include "util/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "util/clock.h"
#include "util/log.h"

namespace pgcairn {
namespace {

constexpr double kBarSeconds = 0.2;
constexpr double kLineSeconds = 10;
constexpr int kBarWidth = 24;

}  // namespace

ProgressStyle ProgressStyleForTerminal() {
  return ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::kBar : ProgressStyle::kLines;
}

Progress::Progress(ProgressStyle style, std::string doing, uint64_t total_bytes)
    : style_(style),
      doing_(std::move(doing)),
      total_(total_bytes),
      started_(MonotonicSeconds()),
      last_shown_(started_) {}

Progress::~Progress() { Finish(); }

std::string Progress::Line(double now) const {
  const uint64_t done = done_, total = total_;
  double seconds = std::max(now - started_, 0.001);
  double rate = static_cast<double>(done) / seconds;
  std::string line = fmt::format("{}: {}", doing_, FormatBytes(done));
  if (total > 0) {
    // A file that grew while it was read must not show 101 %.
    double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    line += fmt::format(" of {} ({:.0f} %)", FormatBytes(total), share * 100);
    if (style_ == ProgressStyle::kBar) {
      int filled = static_cast<int>(share * kBarWidth);
      line = fmt::format("[{:=<{}}{: <{}}] {}", "", filled, "", kBarWidth - filled, line);
    }
    if (rate > 0 && done < total) {
      line += fmt::format(", {} left", FormatDuration(static_cast<double>(total - done) / rate));
    }
  }
  return line + fmt::format(", {}/s", FormatBytes(static_cast<uint64_t>(rate)));
}

void Progress::Show() {
  if (style_ == ProgressStyle::kNone) return;
  double now = MonotonicSeconds();
  double interval = style_ == ProgressStyle::kBar ? kBarSeconds : kLineSeconds;
  if (now - last_shown_ < interval) return;
  last_shown_ = now;
  if (style_ == ProgressStyle::kLines) {
    LogLine(LogLevel::kInfo, Line(now));
    return;
  }
  fmt::print(stderr, "\r{}\x1b[K", Line(now));
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::Finish() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0 || value >= 99.95) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string FormatDuration(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  auto whole = static_cast<uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace pgcairn
