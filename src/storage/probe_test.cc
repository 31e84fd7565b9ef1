#include "storage/probe.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "storage/memory/memory_storage.h"
#include "storage/readonly/readonly_storage.h"
#include "storage/testing/faulty_storage.h"
#include "storage/testing/scratch_directory.h"

namespace pgcairn::storage {
namespace {

// A memory storage one of whose abilities can be broken.
class Crippled : public MemoryStorage {
 public:
  bool overwrites = false;
  bool overwrites_and_says_taken = false;
  bool lists_nothing = false;
  bool keeps_deleted = false;
  bool ignores_ranges = false;
  bool says_taken = false;

  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    if (says_taken) return Error{Code::kAlreadyExists, "taken", ""};
    Status put = MemoryStorage::PutIfAbsent(name, parts);
    if (put.ok() || !(overwrites || overwrites_and_says_taken)) return put;
    RETURN_IF_ERROR(MemoryStorage::Delete(name));
    RETURN_IF_ERROR(MemoryStorage::PutIfAbsent(name, parts));
    return overwrites ? Status() : put;
  }
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override {
    if (ignores_ranges) return MemoryStorage::GetRange(name, 0, into);
    return MemoryStorage::GetRange(name, offset, into);
  }
  Result<Listing> List(std::string_view directory) override {
    if (lists_nothing) return Listing();
    return MemoryStorage::List(directory);
  }
  Status Delete(std::string_view name) override {
    return keeps_deleted ? Status() : MemoryStorage::Delete(name);
  }
};

TEST(Probe, AnAbleStorageIsLeftAsItWas) {
  MemoryStorage memory;
  ASSERT_TRUE(memory.PutIfAbsent("repository", AsBytes("x")).ok());
  EXPECT_TRUE(ProbeAbilities(memory).ok());
  EXPECT_EQ(memory.List("")->objects.size(), 1u);
  EXPECT_TRUE(memory.List("")->directories.empty());

  ScratchDirectory scratch;
  Status local = ProbeAbilities(*scratch.OpenStorage());
  EXPECT_TRUE(local.ok()) << local.error().message;
  EXPECT_TRUE(scratch.Files().empty());
}

TEST(Probe, EachMissingAbilityIsNamed) {
  struct Case {
    bool Crippled::*broken;
    const char* message;
  };
  for (const Case& missing : {Case{&Crippled::overwrites, "two writers"},
                              Case{&Crippled::overwrites_and_says_taken, "changed by a later put"},
                              Case{&Crippled::lists_nothing, "list leaves out"},
                              Case{&Crippled::keeps_deleted, "deleted object"},
                              Case{&Crippled::ignores_ranges, "ranged get"},
                              Case{&Crippled::says_taken, "free is called taken"}}) {
    Crippled storage;
    storage.*missing.broken = true;
    Status probed = ProbeAbilities(storage);
    ASSERT_FALSE(probed.ok()) << missing.message;
    EXPECT_EQ(probed.code(), Code::kUnsupported) << missing.message;
    EXPECT_NE(probed.error().message.find(missing.message), std::string::npos)
        << probed.error().message;
  }
}

TEST(Probe, ErrorsOfTheStorageComeThroughAndLeaveNothing) {
  for (uint64_t nth = 1; nth <= 12; ++nth) {
    auto memory = std::make_shared<MemoryStorage>();
    FaultyStorage faulty(memory);
    faulty.Add({.nth = nth, .code = Code::kPermission});
    Status probed = ProbeAbilities(faulty);
    ASSERT_FALSE(probed.ok()) << nth;
    EXPECT_EQ(probed.code(), Code::kPermission) << nth;
    EXPECT_TRUE(memory->List("")->objects.empty()) << nth;
  }
  ReadonlyStorage readonly(std::make_shared<MemoryStorage>());
  EXPECT_EQ(ProbeAbilities(readonly).code(), Code::kRefused);
}

TEST(Probe, ScratchObjectsOfDeadProbesGoAfterADay) {
  ScratchDirectory scratch;
  std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
  const std::string old_probe = "probe-0123456789abcdef0123456789abcdef";
  const std::string new_probe = "probe-1123456789abcdef0123456789abcdef";
  for (const std::string& name : {old_probe, new_probe, std::string("probe-notes")}) {
    ASSERT_TRUE(storage->PutIfAbsent(name, AsBytes("x")).ok());
  }
  auto now = std::filesystem::file_time_type::clock::now();
  for (const std::string& name : {old_probe, std::string("probe-notes")}) {
    std::filesystem::last_write_time(scratch.path() + "/" + name, now - std::chrono::hours(25));
  }
  EXPECT_TRUE(ProbeAbilities(*storage).ok());
  EXPECT_EQ(scratch.Files(), (std::vector<std::string>{new_probe, "probe-notes"}));
}

}  // namespace
}  // namespace pgcairn::storage
