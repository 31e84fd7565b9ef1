#include "storage/memory/memory_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pgcairn::storage {

Status MemoryStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  RETURN_IF_ERROR(CheckObjectName(name));
  auto content = std::make_shared<Bytes>();
  size_t size = 0;
  for (ByteView part : parts) size += part.size();
  content->reserve(size);
  for (ByteView part : parts) Append(*content, part);

  std::lock_guard lock(mutex_);
  if (objects_.contains(name)) {
    return Error{Code::kAlreadyExists, fmt::format("storing {}: the name is taken", name), ""};
  }
  if (ClashesWithADirectory(name)) {
    return Error{Code::kRefused,
                 fmt::format("storing {}: an object cannot be a directory of others", name), ""};
  }
  objects_.emplace(name, Object{std::move(content), Timestamp::Now()});
  return {};
}

Result<Bytes> MemoryStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  ASSIGN_OR_RETURN(Object object, Find(name));
  if (object.content->size() > size_max_bytes) {
    return Error{Code::kDamaged,
                 fmt::format("reading {}: it has {} bytes, more than the {} that it may have", name,
                             object.content->size(), size_max_bytes),
                 ""};
  }
  return Bytes(*object.content);
}

Status MemoryStorage::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  ASSIGN_OR_RETURN(Object object, Find(name));
  uint64_t size = object.content->size();
  if (offset > size || into.size() > size - offset) {
    return Error{Code::kDamaged,
                 fmt::format("reading {} bytes at {} of {}: it has only {} bytes", into.size(),
                             offset, name, size),
                 ""};
  }
  std::ranges::copy(ByteView(*object.content).subspan(offset, into.size()), into.begin());
  return {};
}

Result<ObjectInfo> MemoryStorage::Stat(std::string_view name) {
  ASSIGN_OR_RETURN(Object object, Find(name));
  return ObjectInfo{std::string(name), object.content->size(), object.stored_at};
}

Result<Listing> MemoryStorage::List(std::string_view directory) {
  RETURN_IF_ERROR(CheckDirectoryName(directory));
  std::string prefix = directory.empty() ? "" : fmt::format("{}/", directory);
  Listing listing;
  std::lock_guard lock(mutex_);
  auto at = objects_.lower_bound(prefix);
  while (at != objects_.end() && at->first.starts_with(prefix)) {
    size_t slash = at->first.find('/', prefix.size());
    if (slash == std::string::npos) {
      listing.objects.push_back({at->first, at->second.content->size(), at->second.stored_at});
      ++at;
      continue;
    }
    listing.directories.push_back(at->first.substr(0, slash));
    // '0' follows '/': the first name behind everything in that directory.
    at = objects_.lower_bound(listing.directories.back() + '0');
  }
  // The map has "a-b/c" before "a/c", but "a" comes before "a-b".
  std::ranges::sort(listing.directories);
  return listing;
}

Status MemoryStorage::Delete(std::string_view name) {
  RETURN_IF_ERROR(CheckObjectName(name));
  std::lock_guard lock(mutex_);
  auto found = objects_.find(name);
  if (found != objects_.end()) objects_.erase(found);
  return {};
}

std::string MemoryStorage::Describe() const { return "memory"; }

Result<MemoryStorage::Object> MemoryStorage::Find(std::string_view name) const {
  RETURN_IF_ERROR(CheckObjectName(name));
  std::lock_guard lock(mutex_);
  auto found = objects_.find(name);
  if (found == objects_.end()) {
    return Error{Code::kNotFound, fmt::format("opening {}: no such object in memory", name), ""};
  }
  return Object(found->second);
}

bool MemoryStorage::ClashesWithADirectory(std::string_view name) const {
  for (size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    if (objects_.contains(name.substr(0, slash))) return true;
  }
  std::string prefix = fmt::format("{}/", name);
  auto below = objects_.lower_bound(prefix);
  return below != objects_.end() && below->first.starts_with(prefix);
}

}  // namespace pgcairn::storage
