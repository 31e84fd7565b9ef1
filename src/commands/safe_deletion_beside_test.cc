// Deletion beside other runs, each stopped at every request while the other one goes on.
#include <gtest/gtest.h>

#include <algorithm>

#include "commands/safe_deletion.h"
#include "commands/testing/light_repository.h"
#include "commands/testing/stepped_runs.h"
#include "repository/manifest/manifest_store.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using testing::BackupRun;
using testing::ElsewhereStorage;
using testing::LightRepository;
using testing::RestoreRun;
using testing::SteppedRun;

constexpr char kFirstBackup[] = "20240101_020000-000a";
constexpr char kSecondBackup[] = "20240102_020000-000b";
constexpr char kThirdBackup[] = "20240103_020000-000c";
constexpr char kUnfinished[] = "20240103_120000-00cc";
constexpr char kPruneRun[] = "20240104_020000-000d";
constexpr int64_t kNeverS = 3600;
constexpr int64_t kAtOnceS = 0;

using Run = std::function<Status(storage::Storage&)>;

// Three backups that share packs, and one pack that is nobody's.
std::unique_ptr<LightRepository> NewRepository() {
  auto repository = std::make_unique<LightRepository>();
  repository->AddBackup(kFirstBackup, {1, 2}, 1);
  repository->AddBackup(kSecondBackup, {2, 3}, 11);
  repository->AddBackup(kThirdBackup, {3, 4}, 21);
  repository->AddPack(9);
  return repository;
}

Decide AllOf(std::vector<std::string> ids) {
  return [=](const Situation& situation) -> Result<Deletable> {
    Deletable deletable;
    for (const std::string& id : situation.inventory.backups.ids) {
      if (std::ranges::find(ids, id) != ids.end()) deletable.backup_ids.push_back(id);
    }
    for (const ArchivedFile& file : situation.inventory.wal) {
      deletable.wal_objects.push_back(file.object);  // the mechanism spares what is needed
    }
    return deletable;
  };
}

Run Pruning(const LightRepository& repository, Decide decide, int64_t expiry_s,
            const ElsewhereStorage::Change& change = nullptr) {
  return [&repository, decide, expiry_s, change](storage::Storage& storage) -> Status {
    DeletionOptions options;
    options.expiry_s = expiry_s;
    if (change == nullptr) {
      return DeleteSafely(*repository.Through(storage), decide, options).status();
    }
    ElsewhereStorage elsewhere(storage, repository.cluster(), change);
    return DeleteSafely(*repository.Through(elsewhere), decide, options).status();
  };
}

Run BackingUp(const LightRepository& repository, BackupRun& run,
              const ElsewhereStorage::Change& change = nullptr) {
  return [&repository, &run, change](storage::Storage& storage) -> Status {
    if (change == nullptr) return run.Run(*repository.Through(storage));
    ElsewhereStorage elsewhere(storage, repository.cluster(), change);
    return run.Run(*repository.Through(elsewhere));
  };
}

// One situation for a pair of runs: what is set up, the two runs, and what must hold.
struct Pair {
  virtual ~Pair() = default;

  std::unique_ptr<LightRepository> repository = NewRepository();
  Run first;
  Run second;
  std::function<void(const Status& first, const Status& second)> holds;
};

// Under a sanitizer not every order, which takes minutes.
constexpr uint64_t kStride = PGCAIRN_SANITIZED ? 3 : 1;

// The first run makes n requests, the second m, the first all others, the second all others; for
// every n and m, and with the two changing places.
void InEveryOrder(const std::function<std::unique_ptr<Pair>()>& make) {
  for (bool swapped : {false, true}) {
    uint64_t pairs = 0;
    bool first_done = false;
    for (uint64_t n = 0; !first_done; n += kStride) {
      bool second_done = false;
      for (uint64_t m = 0; !second_done; m += kStride) {
        std::unique_ptr<Pair> pair = make();
        Run& leading = swapped ? pair->second : pair->first;
        Run& following = swapped ? pair->first : pair->second;
        SteppedRun first(*pair->repository->storage(), leading);
        first.Allow(n);
        first_done = first.done();
        SteppedRun second(*pair->repository->storage(), following);
        second.Allow(m);
        second_done = second.done() || first_done;
        Status first_ended = first.Finish();
        Status second_ended = second.Finish();
        if (swapped) std::swap(first_ended, second_ended);
        Status whole = pair->repository->Whole();
        ASSERT_TRUE(whole.ok()) << whole.error().message << ": " << n << " requests, then " << m
                                << (swapped ? ", swapped" : "");
        pair->holds(first_ended, second_ended);
        ASSERT_FALSE(::testing::Test::HasFailure())
            << n << " requests, then " << m << (swapped ? ", swapped" : "");
        ++pairs;
      }
    }
    std::cout << pairs << " orders\n";
  }
}

struct BackupPair : Pair {
  BackupRun run{.id = kPruneRun, .new_packs = {5, 6}, .first_segment = 31};
};

TEST(SafeDeletionBeside, ABackupWhoseBaseIsToGo) {
  bool used = false, unused = false;
  InEveryOrder([&] {
    auto pair = std::make_unique<BackupPair>();
    pair->first = Pruning(*pair->repository, AllOf({kFirstBackup, kThirdBackup}), kNeverS);
    pair->second = BackingUp(*pair->repository, pair->run);
    pair->holds = [&, p = pair.get()](const Status& pruned, const Status& backed_up) {
      ASSERT_TRUE(pruned.ok()) << pruned.error().message;
      ASSERT_TRUE(backed_up.ok()) << backed_up.error().message;
      ASSERT_TRUE(p->repository->HasBackup(kPruneRun));
      ASSERT_TRUE(p->repository->HasBackup(kSecondBackup));
      (p->run.used_base ? used : unused) = true;
    };
    return pair;
  });
  EXPECT_TRUE(used && unused) << "both ends of the race must have been seen";
}

// As above, but the backup runs on another host and is given up as soon as possible.
TEST(SafeDeletionBeside, ABackupThatIsGivenUp) {
  bool committed = false, refused = false;
  InEveryOrder([&] {
    auto pair = std::make_unique<BackupPair>();
    pair->first = Pruning(*pair->repository, AllOf({kFirstBackup, kThirdBackup}), kAtOnceS);
    pair->second = BackingUp(*pair->repository, pair->run, ElsewhereStorage::OnAnotherHost);
    pair->holds = [&, p = pair.get()](const Status& pruned, const Status& backed_up) {
      ASSERT_TRUE(pruned.ok()) << pruned.error().message;
      ASSERT_EQ(p->repository->HasBackup(kPruneRun), backed_up.ok());
      if (backed_up.ok()) {
        committed = true;
      } else if (backed_up.code() == Code::kAlreadyExists) {
        refused = true;
      } else {
        // Its base went away under it, after it was given up.
        ASSERT_EQ(backed_up.code(), Code::kNotFound) << backed_up.error().message;
      }
    };
    return pair;
  });
  EXPECT_TRUE(committed && refused);
}

// A run that goes on from what an unfinished one stored: packs that nothing refers to.
TEST(SafeDeletionBeside, ABackupThatGoesOnFromAnother) {
  struct ResumePair : Pair {
    BackupRun run{.id = kPruneRun, .new_packs = {5}, .first_segment = 31, .resumes = kUnfinished};
  };
  for (int64_t expiry_s : {kNeverS, kAtOnceS}) {
    InEveryOrder([&] {
      auto pair = std::make_unique<ResumePair>();
      pair->repository->AddPack(7);
      pair->repository->AddCheckpoint(kUnfinished, {7});
      pair->first = Pruning(*pair->repository, AllOf({kFirstBackup}), expiry_s);
      pair->second = BackingUp(*pair->repository, pair->run);
      pair->holds = [&, p = pair.get()](const Status& pruned, const Status& backed_up) {
        ASSERT_TRUE(pruned.ok()) << pruned.error().message;
        ASSERT_TRUE(backed_up.ok()) << backed_up.error().message;
      };
      return pair;
    });
  }
}

TEST(SafeDeletionBeside, ARestoreOfWhatIsToGo) {
  struct RestorePair : Pair {
    RestoreRun run{.id = kPruneRun, .base = kFirstBackup};
  };
  bool read = false, gone = false;
  InEveryOrder([&] {
    auto pair = std::make_unique<RestorePair>();
    pair->first = Pruning(*pair->repository, AllOf({kFirstBackup}), kNeverS);
    pair->second = [p = pair.get()](storage::Storage& storage) {
      return p->run.Run(*p->repository->Through(storage));
    };
    pair->holds = [&, p = pair.get()](const Status& pruned, const Status& restored) {
      ASSERT_TRUE(pruned.ok()) << pruned.error().message;
      if (p->run.base_was_safe) {
        ASSERT_TRUE(restored.ok()) << restored.error().message;
        read = true;
      } else if (!restored.ok()) {
        ASSERT_EQ(restored.code(), Code::kNotFound) << restored.error().message;
        gone = true;
      }
    };
    return pair;
  });
  EXPECT_TRUE(read && gone);
}

// Two prunes of two hosts that want to keep different backups, and think each other dead.
TEST(SafeDeletionBeside, AnotherPruneThatKeepsOtherBackups) {
  auto all_but = [](bool newest) -> Decide {
    return [newest](const Situation& situation) -> Result<Deletable> {
      std::vector<std::string> certain;
      for (const std::string& id : situation.inventory.backups.ids) {
        if (!situation.as_good_as_gone.contains(id)) certain.push_back(id);
      }
      Deletable deletable;
      for (const std::string& id : situation.inventory.backups.ids) {
        bool kept = !certain.empty() && id == (newest ? certain.back() : certain.front());
        if (!kept) deletable.backup_ids.push_back(id);
      }
      return deletable;
    };
  };
  InEveryOrder([&] {
    auto pair = std::make_unique<Pair>();
    pair->first =
        Pruning(*pair->repository, all_but(true), kAtOnceS, ElsewhereStorage::OnAnotherHost);
    pair->second = Pruning(*pair->repository, all_but(false), kAtOnceS,
                           [](format::ProcessIdentity& process) { process.set_host("third"); });
    pair->holds = [&, p = pair.get()](const Status& one, const Status& other) {
      for (const Status& ended : {one, other}) {
        ASSERT_TRUE(ended.ok() || ended.code() == Code::kRefused) << ended.error().message;
      }
      ASSERT_FALSE(repository::ListBackupIds(p->repository->cluster())->empty());
    };
    return pair;
  });
}

// A prune that ends at any request, and the next one, on the same host or on another.
void EndsEverywhere(const ElsewhereStorage::Change& change, bool trash_may_stay) {
  for (storage::FaultEffect effect :
       {storage::FaultEffect::kCrashBefore, storage::FaultEffect::kCrashAfter}) {
    bool crashed = true;
    for (uint64_t n = 1; crashed; ++n) {
      auto repository = NewRepository();
      storage::FaultyStorage faulty(repository->storage());
      faulty.Add({.nth = n, .effect = effect});
      static_cast<void>(
          Pruning(*repository, AllOf({kFirstBackup, kThirdBackup}), kAtOnceS, change)(faulty));
      crashed = faulty.crashed();
      Status whole = repository->Whole();
      ASSERT_TRUE(whole.ok()) << whole.error().message << ": " << n;
      BackupRun run{.id = kPruneRun, .new_packs = {5}, .first_segment = 31};
      ASSERT_TRUE(run.Run(repository->cluster()).ok());
      Status next = Pruning(*repository, AllOf({kFirstBackup, kThirdBackup}),
                            kAtOnceS)(*repository->storage());
      ASSERT_TRUE(next.ok()) << next.error().message;
      ASSERT_TRUE(repository->Whole().ok());
      ASSERT_FALSE(repository->HasBackup(kFirstBackup) || repository->HasPack(1) ||
                   repository->HasPack(9))
          << n;
      if (trash_may_stay) continue;
      for (const std::string& trace : repository->Traces()) {
        ASSERT_NE(trace.find("/notes/deleted/"), std::string::npos) << trace << ": " << n;
      }
    }
  }
}

TEST(SafeDeletionBeside, ACrashOfItselfAtAnyRequest) {
  EndsEverywhere(ElsewhereStorage::BeforeTheLastBoot, false);
}

TEST(SafeDeletionBeside, ACrashOnAnotherHostOfWhichNothingIsKnown) {
  // What the crashed one listed and a backup needs by now keeps its trash.
  EndsEverywhere(ElsewhereStorage::OnAnotherHost, true);
}

}  // namespace
}  // namespace pgcairn::commands
