// The pages of large objects as a logical backup has them: rows of text (docs/format.md, section
// 17).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "commands/logical_contents.h"
#include "format/logical.pb.h"
#include "util/bytes.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct LargeObjectPage {
  uint32_t oid = 0;
  uint64_t offset = 0;   // in the object
  std::string_view hex;  // its bytes, two digits for each
};

// Takes the rows apart and holds them against the catalog. Not for two threads at once.
class LargeObjectPages {
 public:
  using OnPage = std::function<Status(const LargeObjectPage& page)>;

  // `catalog` outlives it.
  explicit LargeObjectPages(const format::LogicalCatalog& catalog);

  // The next bytes of the rows, which may part one anywhere; a page is valid during the call.
  // kDamaged: no such row, an unknown object, a page past its object's end.
  Status Add(ByteView piece, const OnPage& on_page);

  // After the last piece. kDamaged: the rows end inside one, or pages are lacking.
  Status Finish() const;

  // Both, with all that a backup has, whose catalog this was made with.
  Status ReadAll(const LogicalContents& contents, Progress& progress, const OnPage& on_page);

  // Where the last byte of an object that was in a page lies, and one more. What is behind it until
  // the object's size are zeros.
  uint64_t WrittenUntil(uint32_t oid) const;

 private:
  Status AddRow(std::string_view row, const OnPage& on_page);

  struct Object {
    uint64_t size = 0;
    uint64_t end = 0;      // of the last page
    uint64_t written = 0;  // of the last byte in a page
  };

  const uint64_t page_bytes_;
  std::map<uint32_t, Object> objects_;
  std::string rest_;
};

}  // namespace pgcairn::commands
