// One test-suite for every storage: each sentence of storage/storage.h.
//
// A storage runs it with
//   INSTANTIATE_TEST_SUITE_P(Memory, StorageContract, ::testing::Values(StorageFactory{...}),
//                            StorageFactoryName);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace pgcairn::storage {

struct StorageFactory {
  std::string name;  // letters and digits
  // An empty storage; whatever it lies in is removed with the last reference.
  std::function<std::shared_ptr<Storage>()> make;
};

class StorageContract : public ::testing::TestWithParam<StorageFactory> {
 protected:
  void SetUp() override {
    storage_ = GetParam().make();
    ASSERT_NE(storage_, nullptr);
  }
  std::shared_ptr<Storage> storage_;
};

inline std::string StorageFactoryName(const ::testing::TestParamInfo<StorageFactory>& info) {
  return info.param.name;
}
inline void PrintTo(const StorageFactory& factory, std::ostream* out) { *out << factory.name; }

// `size` bytes that look random and are the same for the same seed.
Bytes Pattern(uint64_t seed, size_t size);

}  // namespace pgcairn::storage
