#include "storage/discarding/discarding_storage.h"

namespace pgcairn::storage {

Status DiscardingStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  RETURN_IF_ERROR(CheckObjectName(name));
  for (ByteView part : parts) bytes_ += part.size();
  return {};
}

}  // namespace pgcairn::storage
