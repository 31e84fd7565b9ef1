// What a backup of one database consists of (docs/format.md, section 17).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "commands/rows_against_catalog.h"
#include "format/manifest.pb.h"
#include "repository/map/stream_list.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

inline constexpr std::string_view kCatalogPath = "catalog";
inline constexpr uint64_t kCatalogBytesMax = uint64_t{256} << 20;

// Holds all streams that a backup has against what it must have and what its catalog names. One
// thread.
class StreamsAgainstCatalog {
 public:
  // Of every list.
  void Add(const repository::StreamEntry& stream);

  // After the last one. `catalog`: the bytes of that stream; nothing when they cannot be read,
  // which is somebody else's to say: then only what needs no catalog is looked at. kDamaged: a
  // document is missing or there twice, a stream is not known, the catalog cannot be parsed or is
  // another database's than `manifest` says, or RowsAgainstCatalog says so.
  Status Judge(const format::Manifest& manifest, const std::optional<Bytes>& catalog);

 private:
  void Refuse(std::string problem);

  static constexpr std::array<std::string_view, 4> kDocuments = {kCatalogPath, "schema.dump",
                                                                 "schema.sql", "roles.sql"};
  std::array<bool, kDocuments.size()> has_document_{};
  RowsAgainstCatalog rows_;
  std::string problem_;  // the first one
};

}  // namespace pgcairn::commands
