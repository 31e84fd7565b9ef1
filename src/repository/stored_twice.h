// Objects whose loss would lose everything are stored under two names (docs/format.md, section 1).
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "repository/names.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/log.h"
#include "util/result.h"

namespace pgcairn::repository {

// Stores the one of the two that is missing, which a run that ended between them left behind.
// Durable when it returns OK. An object of more than `size_bytes_max` is kDamaged; kNotFound: both
// are missing.
Status CompletePair(storage::Storage& storage, const std::string& name, uint64_t size_bytes_max);

// Reads `name` with `decode`, and the copy when that fails, for whatever reason: a changed byte can
// look like a wrong key or a newer version, and a bad sector is a storage error. The first error is
// returned when both fail.
template <typename T>
Result<T> ReadStoredTwice(storage::Storage& storage, const std::string& name,
                          uint64_t size_bytes_max,
                          const std::function<Result<T>(ByteView)>& decode) {
  auto read = [&](const std::string& from) -> Result<T> {
    Result<Bytes> object = storage.Get(from, size_bytes_max);
    if (!object.ok()) return std::move(object).Context("reading " + from).error();
    return decode(*object).Context("reading " + from);
  };
  Result<T> first = read(name);
  if (first.ok()) return first;
  Result<T> second = read(name + std::string(kCopySuffix));
  if (!second.ok()) return first;
  LogWarning("{}; its copy was used", first.error().message);
  return second;
}

}  // namespace pgcairn::repository
