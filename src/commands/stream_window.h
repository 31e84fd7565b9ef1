// Where in a table's earlier backup its rows are looked for, while they are read in their order.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace pgcairn::commands {

// The rows of a table are a sequence of streams of about one size, in the earlier backup as in the
// one that is being made. What one of the new ones holds is looked for in a few of the earlier: in
// those around the last row that was known, where it lies when rows were added; in those that are
// as far behind it as the new one is, where it lies when rows changed in place; and after a stream
// without any known row in some of the others as well, in turn, for much may have been removed. So
// of what did not change some ten streams may be taken for new until the others are found, and a
// table in another order all.
class StreamWindow {
 public:
  // How many streams the table had.
  explicit StreamWindow(size_t streams);

  // Numbers of streams, rising.
  const std::vector<size_t>& streams() const { return window_; }

  // After a stream: which one had the last of its rows that were known; nothing when none was.
  // Returns whether streams() is another now.
  bool MoveOn(std::optional<size_t> last_known);

 private:
  void AddAround(size_t stream, std::vector<size_t>& streams) const;
  void AddSearched(std::vector<size_t>& streams);

  const size_t count_;
  size_t last_known_ = 0;
  size_t since_ = 0;  // streams since then
  bool searching_ = false;
  size_t search_from_ = 0;
  size_t search_width_;
  std::vector<size_t> window_;
};

}  // namespace pgcairn::commands
