#include "commands/stream_window.h"

#include <algorithm>
#include <utility>

namespace pgcairn::commands {
namespace {

constexpr size_t kBehind = 1;
constexpr size_t kAhead = 4;
// Fewer than these ahead, and the window moves on.
constexpr size_t kAheadMin = 2;
constexpr size_t kSearchWidthMin = 4;
constexpr size_t kSearchWidthMax = 8;

}  // namespace

StreamWindow::StreamWindow(size_t streams) : count_(streams), search_width_(kSearchWidthMin) {
  AddAround(0, window_);
}

void StreamWindow::AddAround(size_t stream, std::vector<size_t>& streams) const {
  const size_t end = std::min(stream + kAhead + 1, count_);
  for (size_t i = stream - std::min(stream, kBehind); i < end; ++i) streams.push_back(i);
}

void StreamWindow::AddSearched(std::vector<size_t>& streams) {
  if (!searching_) {
    searching_ = true;
    search_from_ = window_.empty() ? 0 : window_.back() + 1;
    search_width_ = kSearchWidthMin;
  }
  const size_t width = std::min(search_width_, count_);
  for (size_t i = 0; i < width; ++i) streams.push_back((search_from_ + i) % count_);
  search_from_ += width;
  search_width_ = std::min(2 * search_width_, kSearchWidthMax);
}

bool StreamWindow::MoveOn(std::optional<size_t> last_known) {
  if (count_ == 0) return false;
  std::vector<size_t> next;
  if (last_known) {
    last_known_ = *last_known;
    since_ = 0;
    searching_ = false;
    const size_t ahead = std::min(last_known_ + kAheadMin, count_ - 1);
    if (std::ranges::binary_search(window_, ahead)) return false;
    AddAround(last_known_, next);
  } else {
    ++since_;
    AddAround(last_known_, next);
    AddAround(last_known_ + since_, next);
    // Behind the last one is only what was appended. Else the search goes round: while rows come
    // that were added, it passes by those that come after them.
    if (last_known_ + 1 < count_) AddSearched(next);
  }
  std::ranges::sort(next);
  next.erase(std::unique(next.begin(), next.end()), next.end());
  if (next == window_) return false;
  window_ = std::move(next);
  return true;
}

}  // namespace pgcairn::commands
