#include "storage/local/local_storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "storage/local/beneath.h"
#include "storage/testing/get_range.h"
#include "storage/testing/scratch_directory.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// A storage that takes its directory with it.
std::function<std::shared_ptr<Storage>()> InScratch(PublishMethod method) {
  return [method]() -> std::shared_ptr<Storage> {
    auto kept = std::make_shared<std::pair<ScratchDirectory, std::unique_ptr<LocalStorage>>>();
    kept->second = kept->first.OpenStorage(method);
    return {kept, kept->second.get()};
  };
}

INSTANTIATE_TEST_SUITE_P(
    Local, StorageContract,
    ::testing::Values(StorageFactory{"UnnamedLink", InScratch(PublishMethod::kUnnamedLink)},
                      StorageFactory{"NamedLink", InScratch(PublishMethod::kNamedLink)},
                      StorageFactory{"Rename", InScratch(PublishMethod::kRename)}),
    StorageFactoryName);

unsigned ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

class LocalStorageTest : public ::testing::Test {
 protected:
  std::string PathOf(const std::string& name) const { return scratch_.path() + "/" + name; }
  void Plant(const std::string& name, const std::string& content = "planted") const {
    fs::create_directories(fs::path(PathOf(name)).parent_path());
    std::ofstream(PathOf(name)) << content;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<LocalStorage> storage_ = scratch_.OpenStorage();
};

TEST_F(LocalStorageTest, ModesAreExactWhateverTheUmask) {
  for (mode_t mask : {mode_t{0}, mode_t{077}, mode_t{0777}}) {
    for (PublishMethod method :
         {PublishMethod::kUnnamedLink, PublishMethod::kNamedLink, PublishMethod::kRename}) {
      std::string name = fmt::format("m{:o}-{}/d/e/x", mask, static_cast<int>(method));
      std::unique_ptr<LocalStorage> storage = scratch_.OpenStorage(method);
      mode_t before = ::umask(mask);
      Status put = storage->PutIfAbsent(name, AsBytes("x"));
      Result<std::unique_ptr<LocalStorage>> created =
          LocalStorage::Create(PathOf(name.substr(0, name.find('/')) + "-new/root"));
      ::umask(before);
      ASSERT_TRUE(put.ok()) << put.error().message;
      ASSERT_TRUE(created.ok()) << created.error().message;
      EXPECT_EQ(ModeOf(PathOf(name)), 0600u);
      for (fs::path path = fs::path(name).parent_path(); !path.empty(); path = path.parent_path()) {
        EXPECT_EQ(ModeOf(PathOf(path)), 0700u) << path;
      }
      std::string created_root = PathOf(name.substr(0, name.find('/')) + "-new");
      EXPECT_EQ(ModeOf(created_root), 0700u);
      EXPECT_EQ(ModeOf(created_root + "/root"), 0700u);
    }
  }
}

TEST_F(LocalStorageTest, OnlyADirectoryCanBeOpened) {
  Result<std::unique_ptr<LocalStorage>> absent = LocalStorage::Open(PathOf("absent"));
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.code(), Code::kNotFound);
  EXPECT_NE(absent.error().hint.find("pgcairn init"), std::string::npos);
  EXPECT_NE(absent.error().message.find(PathOf("absent")), std::string::npos);
  Plant("file");
  EXPECT_EQ(LocalStorage::Open(PathOf("file")).code(), Code::kNotFound);
  EXPECT_EQ(LocalStorage::Create(PathOf("file")).code(), Code::kUsage);
}

TEST_F(LocalStorageTest, CreateKeepsWhatIsThere) {
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("x")).ok());
  ::chmod(scratch_.path().c_str(), 0750);
  Result<std::unique_ptr<LocalStorage>> again = LocalStorage::Create(scratch_.path() + "/");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE((*again)->Stat("a").ok());
  EXPECT_EQ(ModeOf(scratch_.path()), 0750u);
  EXPECT_EQ((*again)->Describe(), "directory " + scratch_.path());
}

TEST_F(LocalStorageTest, TheRootMayBeASymbolicLink) {
  fs::create_directory(PathOf("real"));
  fs::create_directory_symlink("real", PathOf("link"));
  std::unique_ptr<LocalStorage> storage = *LocalStorage::Open(PathOf("link"));
  ASSERT_TRUE(storage->PutIfAbsent("d/a", AsBytes("x")).ok());
  EXPECT_EQ(scratch_.Files(), (Names{"link", "real/d/a"}));
}

TEST_F(LocalStorageTest, SymbolicLinksInsideAreNotFollowed) {
  ScratchDirectory outside;
  std::ofstream(outside.path() + "/secret") << "secret";
  fs::create_symlink(outside.path() + "/secret", PathOf("file"));
  fs::create_directory_symlink(outside.path(), PathOf("directory"));
  for (const char* name : {"file", "directory/secret", "directory"}) {
    EXPECT_EQ(storage_->Get(name, 100).code(), Code::kRefused) << name;
    EXPECT_EQ(GetRange(*storage_, name, 0, 1).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->Stat(name).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->PutIfAbsent(name, AsBytes("x")).code(), Code::kRefused) << name;
  }
  EXPECT_EQ(storage_->PutIfAbsent("directory/new", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(storage_->PutIfAbsent("directory/new/deep", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(storage_->List("directory").code(), Code::kRefused);
  EXPECT_EQ(storage_->Delete("directory/secret").code(), Code::kRefused);
  EXPECT_EQ(outside.Files(), Names{"secret"});
  Listing listing = *storage_->List("");
  EXPECT_TRUE(listing.objects.empty());
  EXPECT_TRUE(listing.directories.empty());
}

TEST_F(LocalStorageTest, WalkingFindsWhatOneCallFinds) {
  Plant("a/b/file");
  fs::create_symlink("file", PathOf("a/b/link"));
  fs::create_directory_symlink("b", PathOf("a/linked"));
  UniqueFd root(::open(scratch_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const char* name : {"", "a", "a/b", "a/b/file", "a/b/link", "a/linked", "a/linked/file",
                           "absent", "a/absent", "absent/x", "a/b/file/x"}) {
    for (int flags : {O_RDONLY, O_RDONLY | O_DIRECTORY}) {
      errno = 0;
      UniqueFd at_once = OpenBeneath(root.get(), name, flags);
      int at_once_errno = at_once.valid() ? 0 : errno;
      UniqueFd walked = WalkBeneath(root.get(), name, flags);
      int walked_errno = walked.valid() ? 0 : errno;
      EXPECT_EQ(at_once.valid(), walked.valid()) << name;
      EXPECT_EQ(at_once_errno, walked_errno) << name;
      if (!at_once.valid() || !walked.valid()) continue;
      struct stat one {};
      struct stat other {};
      ASSERT_EQ(::fstat(at_once.get(), &one), 0);
      ASSERT_EQ(::fstat(walked.get(), &other), 0);
      EXPECT_EQ(one.st_ino, other.st_ino) << name;
    }
  }
}

TEST_F(LocalStorageTest, WhatNoPutMadeIsNotListed) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/object", AsBytes("x")).ok());
  Plant("d/.tmp-0123456789abcdef");
  Plant("d/.hidden");
  Plant("d/with space");
  Plant("d/lost+found/x");
  Plant("d/.directory/x");
  ASSERT_EQ(::mkfifo(PathOf("d/fifo").c_str(), 0600), 0);
  Listing listing = *storage_->List("d");
  ASSERT_EQ(listing.objects.size(), 1u);
  EXPECT_EQ(listing.objects[0].name, "d/object");
  EXPECT_TRUE(listing.directories.empty());
}

TEST_F(LocalStorageTest, AFifoInTheRepositoryBlocksNobody) {
  ASSERT_EQ(::mkfifo(PathOf("fifo").c_str(), 0600), 0);
  EXPECT_EQ(storage_->Get("fifo", 10).code(), Code::kRefused);
  EXPECT_EQ(storage_->Stat("fifo").code(), Code::kRefused);
  EXPECT_EQ(storage_->PutIfAbsent("fifo", AsBytes("x")).code(), Code::kRefused);
}

TEST_F(LocalStorageTest, ANameIsNotBothObjectAndDirectory) {
  ASSERT_TRUE(storage_->PutIfAbsent("a/b/c", AsBytes("x")).ok());
  for (const char* name : {"a", "a/b", "a/b/c/d", "a/b/c/d/e"}) {
    EXPECT_EQ(storage_->PutIfAbsent(name, AsBytes("x")).code(), Code::kRefused) << name;
  }
  EXPECT_EQ(scratch_.Files(), Names{"a/b/c"});
}

TEST_F(LocalStorageTest, InADeletedRootNothingIsProvenAbsent) {
  ScratchDirectory doomed;
  std::unique_ptr<LocalStorage> storage = doomed.OpenStorage();
  fs::remove_all(doomed.path());
  EXPECT_EQ(storage->Get("a", 10).code(), Code::kStorage);
  EXPECT_EQ(storage->Stat("a/b").code(), Code::kStorage);
  EXPECT_EQ(storage->List("a").code(), Code::kStorage);
  EXPECT_EQ(storage->Delete("a/b").code(), Code::kStorage);
  EXPECT_EQ(storage->PutIfAbsent("a", AsBytes("x")).code(), Code::kStorage);
  EXPECT_EQ(storage->PutIfAbsent("a/b", AsBytes("x")).code(), Code::kStorage);
}

TEST_F(LocalStorageTest, ADirectoryThatVanishedIsMadeAgain) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/e/a", AsBytes("x")).ok());
  fs::remove_all(PathOf("d"));
  ASSERT_TRUE(storage_->PutIfAbsent("d/e/a", AsBytes("y")).ok());
  EXPECT_EQ(ToString(*storage_->Get("d/e/a", 1)), "y");
}

TEST_F(LocalStorageTest, OnlyStaleTemporariesAreRemoved) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/object", AsBytes("x")).ok());
  const Names planted = {".tmp-00000000000000aa", "d/.tmp-00000000000000bb",
                         "d/.tmp-00000000000000cc", "d/.tmp-other", "d/foreign"};
  for (const std::string& name : planted) Plant(name);
  auto now = fs::file_time_type::clock::now();
  for (const char* name : {".tmp-00000000000000aa", "d/.tmp-00000000000000bb", "d/.tmp-other",
                           "d/foreign", "d/object"}) {
    fs::last_write_time(PathOf(name), now - std::chrono::hours(3));
  }
  fs::last_write_time(PathOf("d/.tmp-00000000000000cc"), now - std::chrono::minutes(119));
  Result<uint64_t> removed = storage_->RemoveStaleTemporaries(std::chrono::hours(2));
  ASSERT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_EQ(*removed, 2u);
  EXPECT_EQ(scratch_.Files(),
            (Names{"d/.tmp-00000000000000cc", "d/.tmp-other", "d/foreign", "d/object"}));
}

TEST_F(LocalStorageTest, FreeSpaceIsThatOfTheFilesystem) {
  Result<Space> space = storage_->FreeSpace();
  ASSERT_TRUE(space.ok());
  EXPECT_EQ(space->total_bytes, fs::space(scratch_.path()).capacity);
  EXPECT_GT(space->free_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

}  // namespace
}  // namespace pgcairn::storage
