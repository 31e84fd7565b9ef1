#include "repository/stored_twice.h"

namespace pgcairn::repository {

Status PutTwice(storage::Storage& storage, const std::string& name, ByteView object) {
  RETURN_IF_ERROR(storage.PutIfAbsent(name, object).Context("writing " + name));
  std::string copy = name + std::string(kCopySuffix);
  return storage.PutIfAbsent(copy, object).Context("writing " + copy);
}

}  // namespace pgcairn::repository
