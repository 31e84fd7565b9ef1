// An opened cluster on a storage of a test's own. Header only, so that every layer's tests can use
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "repository/cluster_access.h"
#include "repository/keys/create_keys.h"
#include "repository/repository.h"
#include "storage/memory/memory_storage.h"

namespace pgcairn::repository {

struct MemoryCluster {
  std::shared_ptr<storage::Storage> storage;
  std::unique_ptr<ClusterAccess> access;
};

// Without encryption, because scrypt would cost every test half a second; all else is the same.
inline MemoryCluster MakeMemoryCluster(
    std::shared_ptr<storage::Storage> storage = std::make_shared<storage::MemoryStorage>()) {
  Result<RepositoryId> repository = CreateRepository(*storage);
  CHECK(repository.ok());
  std::vector<NewAccessKey> keys(1);
  keys[0].kind = format::AccessKeyObject::UNENCRYPTED;
  CHECK(CreateKeys(*storage, ClusterNames("main"), *repository, std::move(keys)).ok());
  Result<std::unique_ptr<ClusterAccess>> opened = OpenCluster(*storage, "main", {});
  CHECK(opened.ok());
  return {std::move(storage), std::move(opened).value()};
}

inline Bytes Content(storage::Storage& storage, const std::string& name) {
  Result<Bytes> object = storage.Get(name, uint64_t{1} << 30);
  CHECK(object.ok());
  return std::move(object).value();
}

// What no program does: changes an object.
inline void Replace(storage::Storage& storage, const std::string& name, ByteView bytes) {
  CHECK(storage.Delete(name).ok());
  CHECK(storage.PutIfAbsent(name, bytes).ok());
}

// Bytes that do not compress, the same for the same seed.
inline Bytes RandomContent(size_t size, uint64_t seed) {
  std::mt19937_64 generator(seed);
  Bytes bytes(size);
  size_t at = 0;
  for (; at + 8 <= size; at += 8) StoreLe<uint64_t>(bytes.data() + at, generator());
  for (; at < size; ++at) bytes[at] = static_cast<uint8_t>(generator());
  return bytes;
}

}  // namespace pgcairn::repository
