// A range of an object in memory of its own, for tests.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/storage.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::storage {

inline Result<Bytes> GetRange(Storage& storage, std::string_view name, uint64_t offset,
                              uint64_t length) {
  Bytes range(length);
  RETURN_IF_ERROR(storage.GetRange(name, offset, range));
  return range;
}

}  // namespace pgcairn::storage
