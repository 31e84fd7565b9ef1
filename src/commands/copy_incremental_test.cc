// Backups upon backups of a directory that keeps changing: each is restored and compared.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "commands/testing/directory_backups.h"
#include "repository/map/map_leaf.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::RandomContent;
using testing::DirectoryBackup;
using testing::DirectoryBackupOptions;
using testing::DirectoryBackups;
using testing::FileHashes;

constexpr uint64_t kLeafBytes = uint64_t{repository::kLeafUnitsMax} * kUnitBytes;
// Files of more bytes have leaves of their own.
constexpr uint64_t kSharedBytesMax = uint64_t{128} * kUnitBytes;

using Made = std::shared_ptr<DirectoryBackup>;

void ExpectSame(const FileHashes& restored, const FileHashes& expected) {
  for (const auto& [path, hash] : expected) {
    auto found = restored.find(path);
    ASSERT_NE(found, restored.end()) << path << " is missing";
    EXPECT_EQ(found->second, hash) << path << " has other bytes";
  }
  EXPECT_EQ(restored.size(), expected.size());
}

class CopyIncrementalTest : public ::testing::Test {
 protected:
  Made Backup(const DirectoryBackupOptions& options = {}) {
    Result<Made> made = backups_.Backup(options);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? *made : std::make_shared<DirectoryBackup>();
  }

  void ExpectRestores(const DirectoryBackup& backup) {
    Result<FileHashes> restored = backups_.Restore(backup);
    ASSERT_TRUE(restored.ok()) << backup.id << ": " << restored.error().message;
    ExpectSame(*restored, backup.files);
  }

  DirectoryBackups backups_;
};

// Edits as a server and its users make them, at random.
class Editor {
 public:
  Editor(DirectoryBackups& backups, uint64_t seed) : backups_(backups), generator_(seed) {}

  uint64_t Below(uint64_t limit) { return generator_() % limit; }

  void Edit() {
    const std::vector<std::string> files = backups_.Files();
    if (files.size() < 12 || Below(6) == 0) return Create();
    const std::string path = files[Below(files.size())];
    const uint64_t size = backups_.SizeOf(path);
    switch (Below(9)) {
      case 0:
        return backups_.Remove(path);
      case 1:
        return backups_.Rename(path, Below(2) == 0 ? files[Below(files.size())] : NewPath());
      case 2:
        return backups_.Resize(path, Below(size + 1));
      case 3:
        return backups_.Resize(path, 0);
      case 4:  // grows by a hole
        return backups_.Resize(path, size + Below(400'000));
      case 5:  // grows; now and then over a limit
        return backups_.WriteInto(path, size,
                                  Content(1 + Below(Below(4) == 0 ? 1'200'000 : 30'000)));
      case 6:
        return WriteZeros(path, size);
      default:
        return RewritePages(path, size);
    }
  }

  void Create() {
    const uint64_t kind = Below(40);
    if (kind == 0) {
      backups_.WriteInto(NewPath(), kLeafBytes - Below(600'000), Content(700'000));
    } else if (kind < 8) {
      backups_.Write(NewPath(), Content(kSharedBytesMax - 40'000 + Below(80'000)));
    } else {
      backups_.Write(NewPath(), Content(Below(50'000)));
    }
  }

  void RewritePages(const std::string& path, uint64_t size) {
    const uint64_t pages = size / kUnitBytes + 1;
    for (uint64_t i = 1 + Below(pages / 20 + 2); i > 0; --i) {
      const uint64_t at = Below(pages) * kUnitBytes;
      if (at >= size) continue;
      backups_.WriteInto(path, at, Content(std::min<uint64_t>(kUnitBytes, size - at)));
    }
  }

 private:
  std::string NewPath() { return fmt::format("base/5/{}", 20'000 + files_made_++); }

  Bytes Content(uint64_t size) {
    // Some of it compresses, some of it is zeros.
    Bytes bytes = RandomContent(size, generator_());
    for (uint64_t at = 0; at < size; at += kUnitBytes) {
      const uint64_t kind = Below(6);
      if (kind > 1) continue;
      const auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
      std::fill_n(begin, std::min<uint64_t>(kUnitBytes, size - at), static_cast<uint8_t>(kind * 7));
    }
    return bytes;
  }

  void WriteZeros(const std::string& path, uint64_t size) {
    if (size == 0) return;
    const uint64_t at = Below(size);
    backups_.WriteInto(path, at, Bytes(std::min<uint64_t>(size - at, 1 + Below(100'000))));
  }

  DirectoryBackups& backups_;
  std::mt19937_64 generator_;
  int files_made_ = 0;
};

class RandomEditsTest : public CopyIncrementalTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  void Walk(uint64_t seed) {
    Editor editor(backups_, seed);
    for (int i = 0; i < 25; ++i) editor.Create();
    backups_.external().push_back({"/etc/a.conf", "etc/a.conf", RandomContent(9000, seed), 0644});
    std::vector<Made> kept;
    for (int step = 0; step < 12; ++step) {
      for (uint64_t edits = editor.Below(step % 4 == 0 ? 40 : 6); edits > 0; --edits) editor.Edit();
      if (editor.Below(3) == 0) {
        backups_.external()[0].content = RandomContent(editor.Below(20'000), seed);
      }
      DirectoryBackupOptions options;
      options.full = editor.Below(12) == 0;
      options.threads = 1 + editor.Below(3);
      options.live_share_min = editor.Below(2) == 0 ? 0.5 : 0.9;
      if (editor.Below(4) == 0) options.rules.reason = CompareReason::kAsked;
      kept.push_back(Backup(options));
      EXPECT_EQ(backups_.References(*kept.back()), backups_.NeededByReading(*kept.back()));
      EXPECT_EQ(kept.back()->copied.unseen_change_count, 0u);
      ASSERT_NO_FATAL_FAILURE(ExpectRestores(*kept.back())) << "step " << step;
      if (kept.size() > 2 && editor.Below(2) == 0) {
        // Any of them: the next base too.
        const uint64_t gone = editor.Below(kept.size());
        backups_.Delete(*kept[gone]);
        kept.erase(kept.begin() + static_cast<ptrdiff_t>(gone));
      }
      const uint64_t any = editor.Below(kept.size());
      ASSERT_NO_FATAL_FAILURE(ExpectRestores(*kept[any])) << "step " << step;
    }
    for (const Made& backup : kept) ASSERT_NO_FATAL_FAILURE(ExpectRestores(*backup));
  }
};

TEST_P(RandomEditsTest, EveryBackupComesBackWhicheverOthersAreDeleted) {
  ASSERT_NO_FATAL_FAILURE(Walk(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomEditsTest,
                         ::testing::Range(uint64_t{1}, uint64_t{PGCAIRN_SANITIZED ? 3 : 5}));

TEST_F(CopyIncrementalTest, NothingChangedStoresNothing) {
  Editor editor(backups_, 1);
  for (int i = 0; i < 40; ++i) editor.Create();
  backups_.external().push_back({"/etc/a.conf", "etc/a.conf", RandomContent(9000, 1), 0644});
  Made full = Backup();
  Made second = Backup();
  EXPECT_EQ(second->copied.new_packs.size(), 0u);
  EXPECT_EQ(second->copied.files_compared, 0u);
  EXPECT_EQ(second->copied.files_unchanged, full->files.size() - 1);
  EXPECT_EQ(second->copied.units.changed, 0u);
  EXPECT_EQ(backups_.References(*second), backups_.References(*full));
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*second));
  DirectoryBackupOptions compare;
  compare.rules.reason = CompareReason::kAsked;
  Made third = Backup(compare);
  EXPECT_EQ(third->copied.files_unchanged, 0u);
  EXPECT_EQ(third->copied.units.read, full->copied.units.read);
  EXPECT_EQ(third->copied.units.changed, 0u);
  EXPECT_EQ(third->copied.new_packs.size(), 0u) << "each leaf serves again, shared ones too";
}

TEST_F(CopyIncrementalTest, OnlyChangedPagesOfAChangedFileAreStored) {
  backups_.Write("base/5/16384", RandomContent(40 << 20, 1));
  backups_.Write("base/5/16385", RandomContent(30'000, 2));
  Made full = Backup();
  for (uint64_t page : {0u, 77u, 4095u, 4096u, 5119u}) {
    backups_.WriteInto("base/5/16384", page * kUnitBytes, RandomContent(kUnitBytes, page + 10));
  }
  Made second = Backup();
  EXPECT_EQ(second->copied.files_compared, 1u);
  EXPECT_EQ(second->copied.files_unchanged, 1u);
  EXPECT_EQ(second->copied.units.read, 5120u);
  EXPECT_EQ(second->copied.units.changed, 5u);
  EXPECT_EQ(second->copied.units.stored, 5u);
  EXPECT_LT(second->copied.units.stored_bytes, 5 * kUnitBytes + 2000u);
  uint64_t new_bytes = 0;
  for (const repository::StoredPack& pack : second->copied.new_packs) new_bytes += pack.length;
  EXPECT_LT(new_bytes, 5 * kUnitBytes + 10'000u) << "patches, not whole leaves";
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*second));
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*full));
}

TEST_F(CopyIncrementalTest, AFileThatCrossesTheLimitsOfSharingAndOfLeavesComesBack) {
  for (uint64_t i = 0; i < 5; ++i) {
    backups_.Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(50'000 + i * 999, i));
  }
  Made last = Backup();
  const std::string path = "base/5/20000";
  // Under a sanitizer, where megabytes take long, no more than reach every path.
  const std::initializer_list<uint64_t> every = {kSharedBytesMax - 1,
                                                 kSharedBytesMax,
                                                 kSharedBytesMax + 1,
                                                 kLeafBytes - 5,
                                                 kLeafBytes,
                                                 kLeafBytes + 5,
                                                 2 * kLeafBytes + 1,
                                                 kLeafBytes + kUnitBytes,
                                                 kLeafBytes,
                                                 kSharedBytesMax + 1,
                                                 kSharedBytesMax,
                                                 1,
                                                 0,
                                                 kLeafBytes + 1};
  const std::initializer_list<uint64_t> some = {kSharedBytesMax, kLeafBytes + 5,
                                                kSharedBytesMax + 1, 1};
  for (uint64_t size : PGCAIRN_SANITIZED ? some : every) {
    const uint64_t had = backups_.SizeOf(path);
    if (size < had) {
      backups_.Resize(path, size);
    } else {
      backups_.WriteInto(path, had, RandomContent(size - had, size));
    }
    Made next = Backup();
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*next)) << size;
    backups_.Delete(*last);
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*next)) << size;
    last = next;
  }
}

TEST_F(CopyIncrementalTest, AFileThatShrankGivesItsOldPagesBackToNobody) {
  // The leaf that is patched knows more units than the new file has.
  backups_.Write("base/5/16384", RandomContent(1000 * kUnitBytes, 1));
  (void)Backup();
  backups_.Resize("base/5/16384", 900 * kUnitBytes);
  backups_.WriteInto("base/5/16384", 0, RandomContent(kUnitBytes, 2));
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup()));
  backups_.Resize("base/5/16384", 1000 * kUnitBytes);
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup()));
  backups_.WriteInto("base/5/16384", 950 * kUnitBytes, RandomContent(kUnitBytes, 3));
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup()));
}

TEST_F(CopyIncrementalTest, PacksToBeEmptiedLoseAllReferences) {
  backups_.Write("base/5/16384", RandomContent(34 << 20, 1));
  backups_.Write("base/5/16385", RandomContent(3 << 20, 2));
  for (uint64_t i = 0; i < 30; ++i) {
    backups_.Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(10 + i * 3000, i));
  }
  backups_.external().push_back({"/etc/a.conf", "etc/a.conf", RandomContent(9000, 1), 0644});
  Made full = Backup();
  std::set<crypto::Sha256Digest> data_packs;
  Result<BackupBase> base = backups_.Base();
  ASSERT_TRUE(base.ok());
  for (const repository::PackUse& use : base->map.PackUses()) data_packs.insert(use.sha256);
  ASSERT_GE(data_packs.size(), 3u);

  // Of a file that changed, of one that did not, of small ones, and of configuration.
  backups_.WriteInto("base/5/16384", 5 * kUnitBytes, RandomContent(kUnitBytes, 3));
  backups_.WriteInto("base/5/20003", 5, AsBytes("x"));
  DirectoryBackupOptions options;
  options.empty_packs.assign(data_packs.begin(), data_packs.end());
  for (CompareReason reason : {CompareReason::kNone, CompareReason::kAsked}) {
    options.rules.reason = reason;
    Made second = Backup(options);
    for (const crypto::Sha256Digest& pack : backups_.References(*second)) {
      EXPECT_FALSE(data_packs.contains(pack)) << pack.ToHex();
    }
    EXPECT_EQ(second->copied.unseen_change_count, 0u);
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*second));
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*full));
    backups_.Delete(*second);
  }
}

TEST_F(CopyIncrementalTest, NoMoreIsSpentOnEmptyingPacksThanTheBudgetAllows) {
  backups_.Write("base/5/16384", RandomContent(34 << 20, 1));
  (void)Backup();
  // A fifth is left of each pack.
  for (uint64_t page = 0; page < (34u << 20) / kUnitBytes; ++page) {
    if (page % 5 == 0) continue;
    backups_.WriteInto("base/5/16384", page * kUnitBytes, RandomContent(kUnitBytes, page));
  }
  Made second = Backup();
  backups_.WriteInto("base/5/16384", 0, RandomContent(1 << 20, 5));
  Made third = Backup();
  EXPECT_GT(third->copied.units.compacted_bytes, third->copied.units.stored_bytes * 8 / 10);
  // As much as the backup before stored, for what this one will store is not known beforehand.
  EXPECT_LE(third->copied.units.compacted_bytes, second->copied.units.stored_bytes);
  EXPECT_GE(third->copied.units.compacted_bytes, third->copied.units.compacted * kUnitBytes);
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*third));
}

TEST_F(CopyIncrementalTest, UnitsInLostPacksAreStoredAgain) {
  backups_.Write("base/5/16384", RandomContent((PGCAIRN_SANITIZED ? 18 : 34) << 20, 1));
  for (uint64_t i = 0; i < 10; ++i) {
    backups_.Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(10 + i * 3000, i));
  }
  backups_.external().push_back({"/etc/a.conf", "etc/a.conf", RandomContent(9000, 1), 0644});
  Made full = Backup();
  backups_.WriteInto("base/5/16384", 5 * kUnitBytes, RandomContent(kUnitBytes, 3));
  Made second = Backup();
  // Each pack of both in turn: data, leaves, their bases, lists.
  for (const crypto::Sha256Digest& lost : backups_.References(*second)) {
    DirectoryBackupOptions options;
    options.change_map = [&](PreviousMap& map) { map.MarkLost({lost}); };
    for (CompareReason reason : {CompareReason::kNone, CompareReason::kAsked}) {
      options.rules.reason = reason;
      Made third = Backup(options);
      EXPECT_FALSE(backups_.References(*third).contains(lost)) << lost.ToHex();
      EXPECT_EQ(third->copied.unseen_change_count, 0u);
      ASSERT_NO_FATAL_FAILURE(ExpectRestores(*third));
      backups_.Delete(*third);
    }
  }
}

TEST_F(CopyIncrementalTest, OnlyUnitsInPacksThatAreKeptCountAsStored) {
  backups_.Write("base/5/16384", RandomContent(34 << 20, 1));
  backups_.Write("base/5/20000", RandomContent(9000, 2));
  Made full = Backup();
  std::vector<crypto::Sha256Digest> packs;
  for (const repository::PackUse& use : backups_.Base()->map.PackUses())
    packs.push_back(use.sha256);
  ASSERT_GE(packs.size(), 2u);
  DirectoryBackupOptions options;
  options.change_map = [&](PreviousMap& map) { map.KeepOnly({packs[0]}); };
  Made second = Backup(options);
  const std::set<crypto::Sha256Digest> references = backups_.References(*second);
  EXPECT_TRUE(references.contains(packs[0]));
  for (size_t i = 1; i < packs.size(); ++i) EXPECT_FALSE(references.contains(packs[i]));
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*second));
}

TEST_F(CopyIncrementalTest, LeavesThatCannotBeReadAreStoredAgainAndAreNoUnseenChange) {
  backups_.Write("base/5/16384", RandomContent(3 << 20, 1));
  backups_.Write("base/5/20000", RandomContent(9000, 2));
  (void)Backup();
  // The packs of leaves, in the middle of the run.
  DirectoryBackupOptions options;
  options.rules.reason = CompareReason::kAsked;
  options.after_listing = [&] {
    backups_.storage().Add({.request = storage::Request::kGetRange,
                            .name_contains = "packs/",
                            .times = UINT64_MAX / 2,
                            .code = Code::kNotFound});
  };
  Made second = Backup(options);
  EXPECT_EQ(second->copied.units.changed, second->copied.units.read);
  EXPECT_EQ(second->copied.unseen_change_count, 0u);
}

TEST_F(CopyIncrementalTest, AChangeBehindTheStampsIsSeenWhenComparingAndNamed) {
  backups_.Write("base/5/16384", RandomContent(3 << 20, 1));
  backups_.Write("base/5/20000", RandomContent(9000, 2));
  (void)Backup();
  // The map is told of the times that the files will have after they were changed.
  auto lie = [&](const std::string& path) {
    const int64_t time = backups_.TimeOf(path);
    backups_.WriteInto(path, 8 * 1024, RandomContent(8, 5));
    backups_.SetTime(path, time);
  };
  lie("base/5/16384");
  DirectoryBackupOptions compare;
  compare.rules.reason = CompareReason::kAsked;
  Made honest = Backup(compare);
  EXPECT_EQ(honest->copied.unseen_change_count, 0u) << "the status change time told of it";
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*honest));
}

TEST_F(CopyIncrementalTest, WhatAServerWritesWhileTheBackupRunsIsNoUnseenChange) {
  backups_.Write("base/5/16384", RandomContent(3 << 20, 1));
  backups_.Write("base/5/16385", RandomContent(3 << 20, 2));
  backups_.Write("base/5/20000", RandomContent(9000, 3));
  Made full = Backup();
  std::vector<crypto::Sha256Digest> packs;
  for (const repository::PackUse& use : backups_.Base()->map.PackUses())
    packs.push_back(use.sha256);
  for (bool emptying : {false, true}) {
    DirectoryBackupOptions options;
    if (emptying) {
      options.empty_packs = packs;
    } else {
      options.rules.reason = CompareReason::kAsked;
    }
    options.after_listing = [&] {
      const uint64_t unit = emptying ? 1 : 0;
      backups_.WriteInto("base/5/16384", unit * kUnitBytes, RandomContent(100, 4));
      backups_.WriteInto("base/5/20000", unit * kUnitBytes + 10, RandomContent(100, 4));
    };
    Made second = Backup(options);
    EXPECT_GT(second->copied.units.changed, 0u);
    EXPECT_EQ(second->copied.unseen_change_count, 0u) << "emptying " << emptying;
    (void)Backup();
  }
}

TEST_F(CopyIncrementalTest, AFileThatIsCutWhileItsPacksAreEmptiedComesBackWhole) {
  // Carried over by its stamps, then cut within a page before it is read: WAL knows of the cut, and
  // the backup must still hold what it says.
  backups_.Write("base/5/16384", RandomContent(300 * kUnitBytes, 1));
  backups_.Write("base/5/16385", RandomContent(300 * kUnitBytes, 2));
  backups_.Write("base/5/16386", RandomContent(300 * kUnitBytes, 3));
  backups_.Write("base/5/20000", RandomContent(9000, 4));
  backups_.Write("base/5/20001", RandomContent(9000, 5));
  backups_.Write("base/5/20002", RandomContent(9000, 6));
  (void)Backup();
  DirectoryBackupOptions options;
  for (const repository::PackUse& use : backups_.Base()->map.PackUses()) {
    options.empty_packs.push_back(use.sha256);
  }
  options.after_listing = [&] {
    backups_.Resize("base/5/16384", 100 * kUnitBytes + 77);
    backups_.Resize("base/5/16385", 0);
    backups_.Remove("base/5/16386");
    backups_.Resize("base/5/20000", 77);
    backups_.Resize("base/5/20001", 8500);
    backups_.Remove("base/5/20002");
  };
  Made second = Backup(options);
  EXPECT_EQ(second->copied.unseen_change_count, 0u);
  Result<FileHashes> restored = backups_.Restore(*second);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  // Where it was not cut it is as it was.
  EXPECT_EQ(restored->at("base/5/16385"), second->files.at("base/5/16385"));
  EXPECT_EQ(restored->at("base/5/16386"), second->files.at("base/5/16386"));
  EXPECT_EQ(restored->at("base/5/20002"), second->files.at("base/5/20002"));
  EXPECT_EQ(restored->size(), second->files.size());
  ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup()));
}

TEST_F(CopyIncrementalTest, FilesCutWhileTheyAreReadComeBackAsFarAsTheyWereRead) {
  backups_.Write("base/5/16384", RandomContent(2 * kLeafBytes + 50'000, 1));
  backups_.Write("base/5/20000", RandomContent(9000, 2));
  (void)Backup();
  for (uint64_t size : {kLeafBytes + 12'345, uint64_t{12'345}, uint64_t{0}}) {
    backups_.Resize("base/5/16384", 2 * kLeafBytes + 60'000);
    backups_.WriteInto("base/5/16384", 0, RandomContent(kUnitBytes, size));
    DirectoryBackupOptions options;
    options.after_listing = [&] { backups_.Resize("base/5/16384", size); };
    Made cut = Backup(options);
    Result<FileHashes> restored = backups_.Restore(*cut);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    Bytes expected = backups_.ReadSource("base/5/16384");
    expected.resize((expected.size() + kUnitBytes - 1) / kUnitBytes * kUnitBytes);
    EXPECT_EQ(restored->at("base/5/16384"), crypto::Sha256(expected)) << size;
    (void)backups_.NeededByReading(*cut);
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup())) << size;
  }
}

TEST_F(CopyIncrementalTest, ABackupTakenWhileFilesChangeRestoresAndTheNextOneIsExact) {
  Editor setup(backups_, 9);
  for (int i = 0; i < 30; ++i) setup.Create();
  backups_.Write("base/5/16384", RandomContent(kLeafBytes + 5 * kUnitBytes, 1));
  (void)Backup();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    std::atomic<bool> stop{false};
    std::optional<std::thread> writer;
    DirectoryBackupOptions options;
    options.threads = 3;
    if (seed % 2 == 0) options.rules.reason = CompareReason::kAsked;
    for (const repository::PackUse& use : backups_.Base()->map.PackUses()) {
      options.empty_packs.push_back(use.sha256);
    }
    options.after_listing = [&] {
      writer.emplace([&, seed] {
        Editor editor(backups_, seed);
        for (int i = 0; i < 40 && !stop; ++i) {
          const std::vector<std::string> files = backups_.Files();
          const std::string& path = files[editor.Below(files.size())];
          const uint64_t size = backups_.SizeOf(path);
          if (editor.Below(2) == 0) {
            backups_.Resize(path, editor.Below(size + 1));
          } else {
            editor.RewritePages(path, size);
          }
        }
      });
    };
    Made during = Backup(options);
    stop = true;
    writer->join();
    EXPECT_EQ(during->copied.unseen_change_count, 0u);
    Result<FileHashes> restored = backups_.Restore(*during);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    ASSERT_NO_FATAL_FAILURE(ExpectRestores(*Backup())) << seed;
  }
}

}  // namespace
}  // namespace pgcairn::commands
