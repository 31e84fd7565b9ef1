#include "repository/stored_twice.h"

namespace pgcairn::repository {

Status CompletePair(storage::Storage& storage, const std::string& name, uint64_t size_bytes_max) {
  const std::string copy = name + std::string(kCopySuffix);
  const bool has_first = storage.Stat(name).ok();
  const bool has_copy = storage.Stat(copy).ok();
  if (has_first && has_copy) return {};
  const std::string& missing = has_first ? copy : name;
  ASSIGN_OR_RETURN(Bytes object, storage.Get(has_first ? name : copy, size_bytes_max));
  Status put = storage.PutIfAbsent(missing, object).Context("writing " + missing);
  if (!put.ok() && put.code() != Code::kAlreadyExists) return put;
  return {};
}

}  // namespace pgcairn::repository
