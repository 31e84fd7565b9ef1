// What a backup of one database consists of (docs/format.md, section 17).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/logical.pb.h"
#include "format/manifest.pb.h"
#include "repository/map/stream_list.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

inline constexpr std::string_view kCatalogPath = "catalog";
inline constexpr uint64_t kCatalogBytesMax = uint64_t{256} << 20;

// Holds the streams that a backup has against those that its catalog names. One thread.
class StreamsAgainstCatalog {
 public:
  // Of every list.
  void Add(const repository::StreamEntry& stream);

  // After the last one. `catalog`: the bytes of that stream; nothing when they cannot be read,
  // which is somebody else's to say: then only what needs no catalog is looked at. kDamaged: a
  // stream is missing, there twice, not known or of another size, or the catalog cannot be parsed
  // or is another database's than `manifest` says.
  Status Judge(const format::Manifest& manifest, const std::optional<Bytes>& catalog);

 private:
  // Of a table, or of the large objects, whose rows have no table's oid.
  struct Part {
    uint32_t table = 0;
    uint32_t number = 0;
    uint64_t bytes = 0;
  };
  // All parts of one table.
  struct Table {
    uint32_t parts = 0;
    uint64_t bytes = 0;
    bool gapless = true;  // numbered from 0, each once
  };

  void Refuse(std::string problem);
  std::map<uint32_t, Table> Tables();
  Status JudgeRows(const format::LogicalCatalog& catalog);

  static constexpr std::array<std::string_view, 4> kDocuments = {kCatalogPath, "schema.dump",
                                                                 "schema.sql", "roles.sql"};
  std::array<bool, kDocuments.size()> has_document_{};
  std::vector<Part> parts_;
  std::string problem_;  // the first one
};

}  // namespace pgcairn::commands
