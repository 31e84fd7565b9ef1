#include "storage/discarding/discarding_storage.h"

#include <fmt/format.h>

namespace pgcairn::storage {

Status DiscardingStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  if (!IsValidObjectName(name)) {
    return Error{Code::kUsage, fmt::format("\"{}\" is not the name of an object", name), ""};
  }
  for (ByteView part : parts) bytes_ += part.size();
  return {};
}

}  // namespace pgcairn::storage
