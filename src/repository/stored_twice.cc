#include "repository/stored_twice.h"

#include <set>

namespace pgcairn::repository {

Status PutTwice(storage::Storage& storage, const std::string& name, ByteView object) {
  RETURN_IF_ERROR(storage.PutIfAbsent(name, object).Context("writing " + name));
  std::string copy = name + std::string(kCopySuffix);
  return storage.PutIfAbsent(copy, object).Context("writing " + copy);
}

Status CompletePairs(storage::Storage& storage, const std::string& directory,
                     uint64_t size_bytes_max) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(directory));
  std::set<std::string> names;
  for (const storage::ObjectInfo& object : listing.objects) names.insert(object.name);
  for (const std::string& name : names) {
    std::string other = name.ends_with(kCopySuffix)
                            ? name.substr(0, name.size() - kCopySuffix.size())
                            : name + std::string(kCopySuffix);
    if (names.contains(other)) continue;
    ASSIGN_OR_RETURN(Bytes object, storage.Get(name, size_bytes_max));
    Status put = storage.PutIfAbsent(other, object).Context("writing " + other);
    if (!put.ok() && put.code() != Code::kAlreadyExists) return put;
  }
  return {};
}

}  // namespace pgcairn::repository
