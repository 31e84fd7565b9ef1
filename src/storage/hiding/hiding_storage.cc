#include "storage/hiding/hiding_storage.h"

#include <fmt/format.h>

#include <mutex>

namespace pgcairn::storage {
namespace {

Error Refused(std::string_view doing, std::string_view name) {
  return {Code::kRefused,
          fmt::format("{} {}: this view of the storage is for reading", doing, name), ""};
}

Error Absent(std::string_view name) {
  return {Code::kNotFound, fmt::format("{} is left out", name), ""};
}

}  // namespace

void HidingStorage::Hide(std::string_view name) {
  std::unique_lock lock(mutex_);
  hidden_.emplace(name);
}

void HidingStorage::Show(std::string_view name) {
  std::unique_lock lock(mutex_);
  auto found = hidden_.find(name);
  if (found != hidden_.end()) hidden_.erase(found);
}

bool HidingStorage::IsHidden(std::string_view name) const {
  std::shared_lock lock(mutex_);
  return hidden_.contains(name);
}

Status HidingStorage::PutIfAbsent(std::string_view name, std::span<const ByteView>) {
  return Refused("storing", name);
}

Status HidingStorage::Delete(std::string_view name) { return Refused("deleting", name); }

Result<Bytes> HidingStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  if (IsHidden(name)) return Absent(name);
  return ForwardingStorage::Get(name, size_max_bytes);
}

Status HidingStorage::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  if (IsHidden(name)) return Absent(name);
  return ForwardingStorage::GetRange(name, offset, into);
}

Result<ObjectInfo> HidingStorage::Stat(std::string_view name) {
  if (IsHidden(name)) return Absent(name);
  return ForwardingStorage::Stat(name);
}

Result<Listing> HidingStorage::List(std::string_view directory) {
  ASSIGN_OR_RETURN(Listing listing, ForwardingStorage::List(directory));
  std::erase_if(listing.objects, [&](const ObjectInfo& object) { return IsHidden(object.name); });
  return listing;
}

}  // namespace pgcairn::storage
