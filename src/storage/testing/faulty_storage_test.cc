#include "storage/testing/faulty_storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "storage/memory/memory_storage.h"
#include "storage/testing/child_process.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

std::shared_ptr<Storage> Undisturbed() {
  return std::make_shared<FaultyStorage>(std::make_shared<MemoryStorage>());
}

INSTANTIATE_TEST_SUITE_P(Faulty, StorageContract,
                         ::testing::Values(StorageFactory{"WithoutFaults", Undisturbed}),
                         StorageFactoryName);

class FaultyStorageTest : public ::testing::Test {
 protected:
  std::shared_ptr<MemoryStorage> memory_ = std::make_shared<MemoryStorage>();
  FaultyStorage faulty_{memory_};
};

TEST_F(FaultyStorageTest, ABeforeFaultDoesNothingAndAnAfterFaultDoesAll) {
  faulty_.Add({.name_contains = "before", .code = Code::kConnection});
  faulty_.Add({.name_contains = "after", .effect = FaultEffect::kFailAfter});
  EXPECT_EQ(faulty_.PutIfAbsent("before", AsBytes("x")).code(), Code::kConnection);
  EXPECT_EQ(faulty_.PutIfAbsent("after", AsBytes("x")).code(), Code::kStorage);
  EXPECT_EQ(memory_->Stat("before").code(), Code::kNotFound);
  EXPECT_TRUE(memory_->Stat("after").ok());
  EXPECT_TRUE(faulty_.PutIfAbsent("before", AsBytes("x")).ok());
}

TEST_F(FaultyStorageTest, TheNthMatchingCallsAreDisturbed) {
  faulty_.Add({.request = Request::kStat, .name_contains = "packs/", .nth = 2, .times = 2});
  std::vector<Code> codes;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(faulty_.Stat("other").code(), Code::kNotFound);
    EXPECT_EQ(faulty_.Get("packs/a", 1).code(), Code::kNotFound);
    codes.push_back(faulty_.Stat("packs/a").code());
  }
  EXPECT_EQ(codes,
            (std::vector<Code>{Code::kNotFound, Code::kStorage, Code::kStorage, Code::kNotFound}));
}

TEST_F(FaultyStorageTest, AfterACrashNothingIsDoneAnyMore) {
  faulty_.Add({.nth = 2, .effect = FaultEffect::kCrashAfter});
  EXPECT_TRUE(faulty_.PutIfAbsent("1", AsBytes("x")).ok());
  EXPECT_EQ(faulty_.PutIfAbsent("2", AsBytes("x")).code(), Code::kCancelled);
  EXPECT_TRUE(faulty_.crashed());
  EXPECT_EQ(faulty_.PutIfAbsent("3", AsBytes("x")).code(), Code::kCancelled);
  EXPECT_EQ(faulty_.Delete("1").code(), Code::kCancelled);
  EXPECT_EQ(memory_->List("")->objects.size(), 2u);
  EXPECT_EQ(faulty_.calls(), 2u);
}

TEST_F(FaultyStorageTest, ACrashBeforeLeavesTheCallUndone) {
  faulty_.Add({.effect = FaultEffect::kCrashBefore});
  EXPECT_EQ(faulty_.PutIfAbsent("1", AsBytes("x")).code(), Code::kCancelled);
  EXPECT_TRUE(memory_->List("")->objects.empty());
}

TEST_F(FaultyStorageTest, ACrashCanEndTheProcess) {
  std::string said = ResultOfChild([&]() -> std::string {
    faulty_.OnCrash([] { ::raise(SIGKILL); });
    faulty_.Add({.effect = FaultEffect::kCrashAfter});
    (void)faulty_.PutIfAbsent("1", AsBytes("x"));
    return "alive";
  });
  EXPECT_EQ(said, "the child died after saying \"\"");
}

TEST_F(FaultyStorageTest, AHookRunsBeforeTheCall) {
  faulty_.Add({.request = Request::kPut, .effect = FaultEffect::kRunHook, .hook = [&] {
                 EXPECT_TRUE(memory_->PutIfAbsent("a", AsBytes("theirs")).ok());
               }});
  EXPECT_EQ(faulty_.PutIfAbsent("a", AsBytes("ours")).code(), Code::kAlreadyExists);
}

TEST_F(FaultyStorageTest, TheSameSeedDisturbsTheSameCalls) {
  auto run = [](uint64_t seed) {
    auto memory = std::make_shared<MemoryStorage>();
    FaultyStorage faulty(memory);
    faulty.FailAtRandom(seed, 0.5);
    std::string outcome;
    for (int i = 0; i < 200; ++i) {
      std::string name = std::to_string(i);
      bool ok = faulty.PutIfAbsent(name, AsBytes("x")).ok();
      bool done = memory->Stat(name).ok();
      outcome += ok ? 'k' : done ? 'a' : 'b';
    }
    return outcome;
  };
  std::string outcome = run(1);
  EXPECT_EQ(outcome, run(1));
  EXPECT_NE(outcome, run(2));
  for (char kind : {'k', 'a', 'b'}) EXPECT_GT(std::ranges::count(outcome, kind), 20) << kind;
}

}  // namespace
}  // namespace pgcairn::storage
