#include "storage/readonly/readonly_storage.h"

#include <fmt/format.h>

namespace pgcairn::storage {
namespace {

Error Refused(std::string_view doing, std::string_view name, const Storage& inner) {
  return {Code::kRefused,
          fmt::format("{} {}: {} was opened for reading only", doing, name, inner.Describe()),
          "this command changes nothing in the repository; use one that is meant to write"};
}

}  // namespace

Status ReadonlyStorage::PutIfAbsent(std::string_view name, std::span<const ByteView>) {
  return Refused("storing", name, inner());
}

Status ReadonlyStorage::Delete(std::string_view name) { return Refused("deleting", name, inner()); }

std::string ReadonlyStorage::Describe() const { return inner().Describe() + " (read-only)"; }

}  // namespace pgcairn::storage
