// The order of the system calls that make an object durable.
#include <gtest/gtest.h>

#include <filesystem>

#include "storage/local/local_storage.h"
#include "storage/testing/scratch_directory.h"
#include "storage/testing/system_call_log.h"

namespace pgcairn::storage {
namespace {

using Calls = std::vector<std::string>;

class LocalStorageDurability : public ::testing::Test {
 protected:
  Calls CallsOfPut(LocalStorage& storage, const std::string& name,
                   std::optional<Code> expected = std::nullopt) {
    return CallsBelow(scratch_.path(), [&] {
      Status put = storage.PutIfAbsent(name, AsBytes("content"));
      if (expected) {
        EXPECT_FALSE(put.ok());
        EXPECT_EQ(put.code(), *expected);
      } else {
        EXPECT_TRUE(put.ok()) << put.error().message;
      }
    });
  }

  ScratchDirectory scratch_;
  std::unique_ptr<LocalStorage> storage_ = scratch_.OpenStorage();
};

TEST_F(LocalStorageDurability, BytesThenNameThenDirectory) {
  EXPECT_EQ(CallsOfPut(*storage_, "x"),
            (Calls{"write FILE", "fsync FILE", "link FILE x", "fsync ."}));
  EXPECT_EQ(CallsOfPut(*scratch_.OpenStorage(PublishMethod::kNamedLink), "y"),
            (Calls{"write FILE", "fsync FILE", "link FILE y", "unlink FILE", "fsync ."}));
  EXPECT_EQ(CallsOfPut(*scratch_.OpenStorage(PublishMethod::kRename), "z"),
            (Calls{"write FILE", "fsync FILE", "rename FILE z", "fsync ."}));
}

TEST_F(LocalStorageDurability, ANewDirectoryIsDurableBeforeAnythingIsPutIntoIt) {
  EXPECT_EQ(CallsOfPut(*storage_, "a/b/x"),
            (Calls{"mkdir a", "fsync .", "mkdir a/b", "fsync a", "write FILE", "fsync FILE",
                   "link FILE a/b/x", "fsync a/b"}));
}

TEST_F(LocalStorageDurability, ADirectoryInUseCostsNothing) {
  Calls plain = {"write FILE", "fsync FILE", "link FILE a/b/y", "fsync a/b"};
  ASSERT_TRUE(storage_->PutIfAbsent("a/b/x", AsBytes("x")).ok());
  EXPECT_EQ(CallsOfPut(*storage_, "a/b/y"), plain);
  ASSERT_TRUE(storage_->Delete("a/b/y").ok());
  Calls of_another_process = plain;
  of_another_process.insert(of_another_process.begin(), "peek a/b");
  EXPECT_EQ(CallsOfPut(*scratch_.OpenStorage(), "a/b/y"), of_another_process);
}

TEST_F(LocalStorageDurability, AnEmptyDirectoryOfADeadProcessIsMadeDurable) {
  std::filesystem::create_directories(scratch_.path() + "/a/b");
  EXPECT_EQ(CallsOfPut(*storage_, "a/b/x"), (Calls{"peek a/b", "peek a/b", "fsync a", "write FILE",
                                                   "fsync FILE", "link FILE a/b/x", "fsync a/b"}));
  std::filesystem::create_directories(scratch_.path() + "/c");
  EXPECT_EQ(CallsOfPut(*storage_, "c/d/x"),
            (Calls{"mkdir c", "peek c", "peek c", "fsync .", "mkdir c/d", "fsync c", "write FILE",
                   "fsync FILE", "link FILE c/d/x", "fsync c/d"}));
}

TEST_F(LocalStorageDurability, ANameThatWasTakenIsMadeDurableToo) {
  ASSERT_TRUE(storage_->PutIfAbsent("a/x", AsBytes("x")).ok());
  EXPECT_EQ(CallsOfPut(*storage_, "a/x", Code::kAlreadyExists), Calls{"fsync a"});
}

TEST_F(LocalStorageDurability, ADeletionIsDurableAlsoWhenAnotherMadeIt) {
  ASSERT_TRUE(storage_->PutIfAbsent("a/x", AsBytes("x")).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(CallsBelow(scratch_.path(), [&] { EXPECT_TRUE(storage_->Delete("a/x").ok()); }),
              (Calls{"unlink a/x", "fsync a"}));
  }
}

TEST_F(LocalStorageDurability, AShortWriteIsGoneOnWith) {
  ByteView parts[] = {AsBytes("0123456789"), AsBytes("ab"), AsBytes(""), AsBytes("cdefghij")};
  WithShortWrites(3, [&] {
    Status put = storage_->PutIfAbsent("x", std::span<const ByteView>(parts));
    EXPECT_TRUE(put.ok()) << put.error().message;
  });
  EXPECT_EQ(ToString(*storage_->Get("x", 100)), "0123456789abcdefghij");
}

}  // namespace
}  // namespace pgcairn::storage
