#include "storage/readonly/readonly_storage.h"

#include <gtest/gtest.h>

#include "storage/memory/memory_storage.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

// Reads through the wrapper and writes around it, so that its reads can run the whole suite.
class ReadThrough : public Storage {
 public:
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    return inner_->PutIfAbsent(name, parts);
  }
  Status Delete(std::string_view name) override { return inner_->Delete(name); }
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    return readonly_.Get(name, size_max_bytes);
  }
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override {
    return readonly_.GetRange(name, offset, into);
  }
  Result<ObjectInfo> Stat(std::string_view name) override { return readonly_.Stat(name); }
  Result<Listing> List(std::string_view directory) override { return readonly_.List(directory); }
  std::string Describe() const override { return readonly_.Describe(); }

 private:
  std::shared_ptr<MemoryStorage> inner_ = std::make_shared<MemoryStorage>();
  ReadonlyStorage readonly_{inner_};
};

INSTANTIATE_TEST_SUITE_P(Readonly, StorageContract,
                         ::testing::Values(StorageFactory{
                             "OverMemory", [] { return std::make_shared<ReadThrough>(); }}),
                         StorageFactoryName);

TEST(ReadonlyStorage, PutsAndDeletesAreRefusedAndChangeNothing) {
  auto inner = std::make_shared<MemoryStorage>();
  ASSERT_TRUE(inner->PutIfAbsent("a", AsBytes("x")).ok());
  ReadonlyStorage storage(inner);
  Status put = storage.PutIfAbsent("b", AsBytes("y"));
  EXPECT_EQ(put.code(), Code::kRefused);
  EXPECT_NE(put.error().message.find("storing b"), std::string::npos) << put.error().message;
  EXPECT_FALSE(put.error().hint.empty());
  EXPECT_EQ(storage.PutIfAbsent("a", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(storage.Delete("a").code(), Code::kRefused);
  EXPECT_EQ(inner->List("")->objects.size(), 1u);
  EXPECT_EQ(storage.Describe(), "memory (read-only)");
}

}  // namespace
}  // namespace pgcairn::storage
