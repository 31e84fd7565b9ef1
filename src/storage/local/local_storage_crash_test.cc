// Processes that are killed in the middle of a put, and processes that race.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <random>
#include <set>

#include "storage/local/local_storage.h"
#include "storage/testing/child_process.h"
#include "storage/testing/scratch_directory.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBigSize = 1'500'000;

std::string NameOf(uint64_t i) { return fmt::format("packs/{:02x}/{:08}", i % 3, i); }
Bytes ContentOf(uint64_t i) { return Pattern(i, kBigSize + i % 1000); }

// The numbers of all objects; those from `unproven` on are proven whole.
std::set<uint64_t> Objects(LocalStorage& storage, uint64_t unproven) {
  std::set<uint64_t> found;
  const Listing packs = *storage.List("packs");
  for (const std::string& directory : packs.directories) {
    const Listing listing = *storage.List(directory);
    for (const ObjectInfo& object : listing.objects) {
      uint64_t i = std::stoull(object.name.substr(object.name.rfind('/') + 1));
      EXPECT_EQ(object.name, NameOf(i));
      found.insert(i);
      if (i < unproven) continue;
      Result<Bytes> content = storage.Get(object.name, kBigSize * 2);
      EXPECT_TRUE(content.ok() && *content == ContentOf(i)) << object.name;
    }
  }
  return found;
}

void PutOnAndOn(const std::string& root, PublishMethod method, uint64_t from) {
  std::unique_ptr<LocalStorage> storage = *LocalStorage::Open(root, method);
  for (uint64_t i = from;; ++i) {
    if (!storage->PutIfAbsent(NameOf(i), ContentOf(i)).ok()) ::_exit(1);
  }
}

class LocalStorageCrash : public ::testing::TestWithParam<PublishMethod> {};

TEST_P(LocalStorageCrash, AfterKillsEveryObjectIsWholeAndTheNextPutWorks) {
  const uint64_t seed = static_cast<uint64_t>(::getpid());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 generator(seed);
  std::uniform_int_distribution<long> delay_ns(0, 50'000'000);
  ScratchDirectory scratch;
  std::unique_ptr<LocalStorage> storage = scratch.OpenStorage(GetParam());
  uint64_t next = 0;
  for (int round = 0; round < 30; ++round) {
    pid_t child = StartChild([&] { PutOnAndOn(scratch.path(), GetParam(), next); });
    timespec delay{0, delay_ns(generator)};
    ::nanosleep(&delay, nullptr);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
    std::set<uint64_t> found = Objects(*storage, next);
    ASSERT_TRUE(found.empty() || *found.rbegin() == found.size() - 1);
    next = found.size();
    Status put = storage->PutIfAbsent(NameOf(next), ContentOf(next));
    ASSERT_TRUE(put.ok()) << put.error().message;
    ++next;
  }
  for (const std::string& file : scratch.Files()) {
    fs::last_write_time(scratch.path() + "/" + file,
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  ASSERT_TRUE(storage->RemoveStaleTemporaries(std::chrono::hours(1)).ok());
  EXPECT_EQ(Objects(*storage, 0).size(), next);
  EXPECT_EQ(scratch.Files().size(), next);
}

TEST_P(LocalStorageCrash, OfTwoProcessesExactlyOneWinsEachName) {
  constexpr uint64_t kNames = 60;
  ScratchDirectory scratch;
  // Each process marks the names that it won by a file of its own.
  ScratchDirectory marks;
  auto race = [&](uint64_t process) {
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage(GetParam());
    std::unique_ptr<LocalStorage> own = marks.OpenStorage();
    Bytes content = Pattern(process, 200'000);
    for (uint64_t i = 0; i < kNames; ++i) {
      Status put = storage->PutIfAbsent(NameOf(i), content);
      if (!put.ok() && put.code() != Code::kAlreadyExists) ::_exit(1);
      if (put.ok()) CHECK(own->PutIfAbsent(fmt::format("{}/{}", process, i), AsBytes("")).ok());
    }
  };
  pid_t first = StartChild([&] { race(0); });
  pid_t second = StartChild([&] { race(1); });
  EXPECT_TRUE(EndedWell(first));
  EXPECT_TRUE(EndedWell(second));
  std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
  std::unique_ptr<LocalStorage> won = marks.OpenStorage();
  for (uint64_t i = 0; i < kNames; ++i) {
    bool first_won = won->Stat(fmt::format("0/{}", i)).ok();
    bool second_won = won->Stat(fmt::format("1/{}", i)).ok();
    EXPECT_NE(first_won, second_won) << i;
    EXPECT_TRUE(*storage->Get(NameOf(i), 200'000) == Pattern(first_won ? 0 : 1, 200'000)) << i;
  }
  EXPECT_EQ(scratch.Files().size(), kNames);
}

std::string MethodName(const ::testing::TestParamInfo<PublishMethod>& method) {
  switch (method.param) {
    case PublishMethod::kUnnamedLink:
      return "UnnamedLink";
    case PublishMethod::kNamedLink:
      return "NamedLink";
    case PublishMethod::kRename:
      return "Rename";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Local, LocalStorageCrash,
                         ::testing::Values(PublishMethod::kUnnamedLink, PublishMethod::kNamedLink,
                                           PublishMethod::kRename),
                         MethodName);

}  // namespace
}  // namespace pgcairn::storage
