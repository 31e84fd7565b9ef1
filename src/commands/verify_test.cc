#include "commands/verify.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "commands/testing/small_repository.h"
#include "repository/manifest/manifest_store.h"
#include "repository/map/map_leaf.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/stream_list.h"
#include "repository/notes/note_store.h"
#include "repository/pack/blob_reader.h"
#include "repository/wal_store/wal_store.h"
#include "storage/counting/counting_storage.h"

namespace pgcairn::commands {
namespace {

using repository::Content;
using repository::MapLeaf;
using repository::ObjectKind;
using repository::StreamList;
using testing::SmallRepository;

constexpr char kThird[] = "20240103_020000-0003";

class VerifyTest : public ::testing::Test {
 protected:
  VerifyReport Verify(VerifyOptions options = {}) {
    Result<VerifyReport> report = VerifyStored(repository_.storage(), "main", {}, options);
    CHECK(report.ok());
    return std::move(report).value();
  }

  const repository::ClusterNames& names() const { return repository_.cluster().names; }

  void Damage(const std::string& object) {
    Bytes bytes = Content(*repository_.storage(), object);
    bytes[bytes.size() / 2] ^= 1;
    repository::Replace(*repository_.storage(), object, bytes);
  }
  void Remove(const std::string& object) {
    ASSERT_TRUE(repository_.storage()->Delete(object).ok());
  }

  static const DamagedObject* Find(const VerifyReport& report, const std::string& object) {
    for (const DamagedObject& damaged : report.damaged) {
      if (damaged.object == object) return &damaged;
    }
    return nullptr;
  }

  static bool IsGood(const VerifyReport& report, const std::string& id) {
    for (const VerifiedBackup& backup : report.backups) {
      if (backup.backup_id == id) return backup.good;
    }
    CHECK(false);
    return false;
  }

  static bool Warns(const VerifyReport& report, const std::string& text) {
    return std::any_of(
        report.warnings.begin(), report.warnings.end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  // A third backup with the second one's data, but other maps: a writer with a fault.
  void CommitEdited(const std::function<void(MapLeaf&)>& edit_leaf,
                    const std::function<void(StreamList&)>& edit_list, bool list_new_packs = true) {
    const repository::ClusterAccess& cluster = repository_.cluster();
    repository::PackUploader uploader(cluster.storage, cluster.names, 1, 1);
    repository::MetadataWriter leaves(cluster, uploader);
    repository::BlobReader reader(cluster);
    format::Manifest manifest = repository_.second();
    auto at = repository::FromMessage(manifest.stream_lists(0));
    StreamList list = *repository::DecodeStreamList(
        *reader.Read(ObjectKind::kMetadataPack, at->pack, at->location));
    for (repository::TableBlob& blob : list.leaves) {
      MapLeaf leaf = *repository::DecodeMapLeaf(
          *reader.Read(ObjectKind::kMetadataPack, list.packs[blob.pack], blob.location));
      edit_leaf(leaf);
      repository::TableBlob stored = *leaves.Add(repository::EncodeMapLeaf(leaf));
      stored.units = blob.units;
      blob = stored;
    }
    list.packs = *leaves.Finish();
    edit_list(list);
    repository::MetadataWriter lists(cluster, uploader);
    repository::PendingBlob stored = *lists.Add(repository::EncodeStreamList(list));
    std::vector<repository::PackReference> packs = *lists.Finish();
    ASSERT_TRUE(uploader.Finish().ok());
    repository::ToMessage(packs[stored.pack], stored.location, manifest.mutable_stream_lists(0));
    manifest.set_backup_id(kThird);
    std::vector<repository::StoredPack> needed = repository_.second_packs();
    if (list_new_packs) {
      for (const repository::StoredPack& pack : uploader.Stored()) needed.push_back(pack);
    }
    ASSERT_TRUE(repository::CommitBackup(cluster, manifest, needed).ok());
  }

  SmallRepository repository_;
};

TEST_F(VerifyTest, AWholeRepositoryIsGoodAndEverythingInItWasCounted) {
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good());
  EXPECT_TRUE(report.with_key);
  EXPECT_TRUE(report.warnings.empty()) << report.warnings.front();
  ASSERT_EQ(report.backups.size(), 2u);
  EXPECT_TRUE(report.backups[0].good && report.backups[1].good);
  EXPECT_EQ(report.packs, 6u);  // data, leaves and lists of two backups
  EXPECT_EQ(report.pages_checked, 2u * (11 + 1 + 1)) << "zeros are stored nowhere";
  EXPECT_EQ(report.wal_files, 10u);
  EXPECT_EQ(report.orphan_packs, 0u);
  ASSERT_EQ(report.windows.windows.size(), 1u);
  EXPECT_EQ(report.windows.windows[0].timeline, postgres::TimelineId{2});
  EXPECT_EQ(report.windows.windows[0].backups.size(), 2u);
}

TEST_F(VerifyTest, ADamagedPackHurtsTheBackupsThatReferToIt) {
  for (const repository::StoredPack& pack : repository_.second_packs()) {
    std::string name = names().Pack(pack.sha256);
    Bytes own = Content(*repository_.storage(), name);
    Damage(name);
    VerifyReport report = Verify();
    ASSERT_NE(Find(report, name), nullptr);
    EXPECT_EQ(Find(report, name)->backups, std::vector<std::string>{SmallRepository::kSecond});
    // The older backup and the WAL after it reach every moment of the newer one.
    EXPECT_TRUE(Find(report, name)->lost.empty());
    EXPECT_EQ(report.damaged.size(), 1u);
    EXPECT_FALSE(IsGood(report, SmallRepository::kSecond));
    EXPECT_TRUE(IsGood(report, SmallRepository::kFirst));
    repository::Replace(*repository_.storage(), name, own);
  }
}

TEST_F(VerifyTest, WithoutAnOlderBackupTheLossOfOneIsALossOfMoments) {
  Remove(names().Manifest(SmallRepository::kFirst));
  Remove(names().References(SmallRepository::kFirst));
  std::string pack = names().Pack(repository_.second_packs()[0].sha256);
  Damage(pack);
  VerifyReport report = Verify();
  ASSERT_NE(Find(report, pack), nullptr);
  ASSERT_EQ(Find(report, pack)->lost.size(), 1u);
  const LostPart& lost = Find(report, pack)->lost[0];
  EXPECT_EQ(lost.timeline, postgres::TimelineId{1});
  EXPECT_EQ(lost.from_lsn, (postgres::Lsn{0x500200}));
  EXPECT_EQ(lost.to_lsn, std::nullopt);
  EXPECT_TRUE(report.windows.windows.empty());
}

TEST_F(VerifyTest, APackOfTwoBackupsIsReadOnce) {
  repository_.CommitSharing(kThird, [](format::Manifest&) {});
  auto counting = std::make_shared<storage::CountingStorage>(repository_.storage());
  Result<VerifyReport> report = VerifyStored(counting, "main", {}, {});
  ASSERT_TRUE(report.ok() && report->good());
  EXPECT_EQ(report->packs, 6u);
  uint64_t read = counting->Count(storage::Request::kGet).bytes +
                  counting->Count(storage::Request::kGetRange).bytes;
  EXPECT_LT(read, report->pack_bytes * 3 / 2 + 2 * report->wal_bytes + 64 * 1024);
  std::string pack = names().Pack(repository_.second_packs()[0].sha256);
  Damage(pack);
  VerifyReport damaged = Verify();
  ASSERT_NE(Find(damaged, pack), nullptr);
  EXPECT_EQ(Find(damaged, pack)->backups,
            (std::vector<std::string>{SmallRepository::kSecond, kThird}));
}

TEST_F(VerifyTest, AMissingSegmentIsNamedWithTheMomentsThatItTakesAway) {
  Remove(repository_.WalObject(1, 6));
  VerifyReport report = Verify();
  const DamagedObject* missing = Find(report, repository_.WalObject(1, 6));
  ASSERT_NE(missing, nullptr);
  EXPECT_TRUE(missing->missing);
  EXPECT_TRUE(missing->backups.empty()) << "no backup needs it to become consistent";
  ASSERT_EQ(missing->lost.size(), 1u);
  EXPECT_EQ(missing->lost[0].from_lsn, (postgres::Lsn{0x600000}));
  EXPECT_EQ(missing->lost[0].to_lsn, std::nullopt);
  EXPECT_NE(missing->lost[0].from, std::nullopt);
  EXPECT_TRUE(IsGood(report, SmallRepository::kFirst));
}

TEST_F(VerifyTest, ADamagedSegmentTakesAwayTheMomentsUpToTheNextBackup) {
  Damage(repository_.WalObject(1, 4));
  VerifyReport report = Verify();
  const DamagedObject* damaged = Find(report, repository_.WalObject(1, 4));
  ASSERT_NE(damaged, nullptr);
  EXPECT_FALSE(damaged->missing);
  EXPECT_EQ(damaged->backups, std::vector<std::string>{SmallRepository::kFirst});
  EXPECT_FALSE(IsGood(report, SmallRepository::kFirst));
  ASSERT_EQ(damaged->lost.size(), 1u);
  EXPECT_EQ(damaged->lost[0].timeline, postgres::TimelineId{1});
  EXPECT_EQ(damaged->lost[0].from_lsn, (postgres::Lsn{0x400200})) << "the first backup's stop";
  EXPECT_EQ(damaged->lost[0].to_lsn, (postgres::Lsn{0x500200})) << "the second one's";
  ASSERT_EQ(report.windows.windows.size(), 1u);
  EXPECT_EQ(report.windows.windows[0].backups, std::vector<std::string>{SmallRepository::kSecond});
}

TEST_F(VerifyTest, ARunOfMissingSegmentsIsOneFinding) {
  for (uint64_t number : {10u, 11u, 13u}) repository_.PushSegment(2, number);
  VerifyReport report = Verify();
  ASSERT_EQ(report.damaged.size(), 2u);
  EXPECT_EQ(report.damaged[0].object, repository_.WalObject(2, 9));
  EXPECT_EQ(report.damaged[1].object, repository_.WalObject(2, 12));
  Remove(repository_.WalObject(2, 11));
  report = Verify();
  ASSERT_EQ(report.damaged.size(), 2u);
  EXPECT_EQ(report.damaged[1].object, repository_.WalObject(2, 11));
  EXPECT_NE(report.damaged[1].problem.find("2 segments are missing"), std::string::npos);
}

TEST_F(VerifyTest, SegmentsThatAPruneDeletedAreNotMissed) {
  repository_.PushSegment(1, 9);
  auto missed = [this](const VerifyReport& report) {
    return std::pair(Find(report, repository_.WalObject(1, 7)) != nullptr,
                     report.windows.gaps.size());
  };
  EXPECT_EQ(missed(Verify()), std::pair(true, size_t{1}));
  format::Deletion deletion;
  deletion.set_prune_id(kThird);
  format::DeletedSegments* wal = deletion.add_wal();
  wal->set_system_identifier(repository_.system());
  wal->set_first(postgres::WalSegmentName({{1}, 7}, SmallRepository::kSegmentBytes));
  wal->set_last(postgres::WalSegmentName({{1}, 8}, SmallRepository::kSegmentBytes));
  ASSERT_TRUE(repository::PutDeletion(repository_.cluster(), deletion).ok());
  EXPECT_EQ(missed(Verify()), std::pair(false, size_t{0}));
}

TEST_F(VerifyTest, ALostHistoryFileIsNamed) {
  std::string history = names().WalFile(repository_.system(), "00000002.history");
  Remove(history);
  VerifyReport report = Verify();
  ASSERT_NE(Find(report, history), nullptr);
  ASSERT_EQ(Find(report, history)->lost.size(), 1u);
  EXPECT_EQ(Find(report, history)->lost[0].timeline, postgres::TimelineId{2});
}

TEST_F(VerifyTest, WalThatWasNotWhatTheBackupSawIsNamed) {
  repository_.CommitSharing(kThird, [](format::Manifest& manifest) {
    manifest.mutable_wal(0)->set_content_identity(std::string(32, 'x'));
  });
  VerifyReport report = Verify();
  const DamagedObject* damaged = Find(report, repository_.WalObject(1, 5));
  ASSERT_NE(damaged, nullptr);
  EXPECT_FALSE(IsGood(report, kThird));
}

TEST_F(VerifyTest, ASegmentThatIsNotWhatItsNameOrItsSummarySaysIsNamed) {
  const uint64_t system = repository_.system();
  format::WalInfo summary;
  summary.mutable_summary()->set_valid_end(9 * SmallRepository::kSegmentBytes);
  format::WalInfo counted = summary;
  counted.mutable_summary()->set_transaction_end_count(1);
  format::WalInfo timed = summary;
  timed.mutable_summary()->set_max_time_us(1);
  const Bytes good = SmallRepository::Segment(2, 9, system);
  const std::vector<std::pair<Bytes, format::WalInfo>> wrong{
      {SmallRepository::Segment(2, 10, system), {}},
      {SmallRepository::Segment(3, 9, system), {}},
      {SmallRepository::Segment(2, 9, system + 1), {}},
      {ToBytes(ByteView(good).first(good.size() / 2)), {}},
      {Bytes(good.size()), {}},
      {good, counted},
      {good, timed},
      {good, {}},
      {good, summary},
  };
  const std::string object = repository_.WalObject(2, 9);
  for (size_t i = 0; i < wrong.size(); ++i) {
    repository_.PushWal("000000020000000000000009", wrong[i].first, wrong[i].second);
    EXPECT_EQ(Find(Verify(), object) == nullptr, i >= 7) << i;
    Remove(object);
  }
}

TEST_F(VerifyTest, AHistoryThatCannotBeReadIsNamed) {
  repository_.PushWal("00000003.history", AsBytes("nonsense\n"), {});
  EXPECT_NE(Find(Verify(), names().WalFile(repository_.system(), "00000003.history")), nullptr);
}

TEST_F(VerifyTest, AManifestMustNameItsSegmentsAndHoldWhatRecoveryNeeds) {
  using Edit = std::function<void(format::Manifest&)>;
  const std::vector<Edit> edits{
      [](format::Manifest& manifest) { manifest.clear_wal(); },
      [](format::Manifest& manifest) { manifest.clear_control_file(); },
      [](format::Manifest& manifest) { (*manifest.mutable_control_file())[100] ^= 1; },
      [](format::Manifest& manifest) { manifest.clear_backup_label(); },
      [](format::Manifest& manifest) { manifest.set_start_lsn(manifest.start_lsn() + 8); },
      [](format::Manifest& manifest) { manifest.set_stream_count(3); },
      [](format::Manifest& manifest) { manifest.set_stream_bytes(3); },
      [](format::Manifest& manifest) { manifest.set_data_checksums(false); },
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    std::string id = fmt::format("20240103_02000{}-0003", i);
    repository_.CommitSharing(id, edits[i]);
    VerifyReport report = Verify();
    ASSERT_NE(Find(report, names().Manifest(id)), nullptr) << i;
    EXPECT_FALSE(IsGood(report, id));
    EXPECT_TRUE(IsGood(report, SmallRepository::kSecond));
    Remove(names().Manifest(id));
    Remove(names().References(id));
  }
}

TEST_F(VerifyTest, APredecessorThatIsNotTheOneIsNamed) {
  repository_.CommitSharing(kThird, [](format::Manifest& manifest) {
    manifest.mutable_predecessor()->set_backup_id(SmallRepository::kSecond);
    manifest.mutable_predecessor()->set_manifest_sha256(std::string(32, 'x'));
  });
  VerifyReport report = Verify();
  EXPECT_NE(Find(report, names().Manifest(SmallRepository::kSecond)), nullptr);
}

TEST_F(VerifyTest, UnitsThatAreNotWhatTheMapSaysAreFound) {
  CommitEdited([](MapLeaf& leaf) { leaf.units.back().fingerprint ^= 1; }, [](StreamList&) {});
  VerifyReport report = Verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].backups, std::vector<std::string>{kThird});
}

TEST_F(VerifyTest, AZeroUnitMustHaveTheFingerprintOfZeros) {
  CommitEdited(
      [](MapLeaf& leaf) {
        for (repository::UnitEntry& unit : leaf.units) unit.blob = repository::kZeroUnit;
      },
      [](StreamList&) {});
  EXPECT_FALSE(IsGood(Verify(), kThird));
}

TEST_F(VerifyTest, ALeafMustHaveAsManyUnitsAsItsListSays) {
  CommitEdited([](MapLeaf& leaf) { leaf.units.push_back(leaf.units.back()); }, [](StreamList&) {});
  EXPECT_FALSE(IsGood(Verify(), kThird));
}

TEST_F(VerifyTest, ABackupWithoutItsVersionFileIsDamaged) {
  CommitEdited([](MapLeaf&) {},
               [](StreamList& list) {
                 for (auto& stream : list.streams) {
                   if (stream.path == "PG_VERSION") stream.path = "pg_version";
                 }
               });
  EXPECT_FALSE(IsGood(Verify(), kThird));
}

TEST_F(VerifyTest, EveryPackThatAMapNeedsMustBeListed) {
  CommitEdited([](MapLeaf&) {}, [](StreamList&) {}, false);
  VerifyReport report = Verify();
  EXPECT_NE(Find(report, names().References(kThird)), nullptr);
  EXPECT_FALSE(IsGood(report, kThird));
}

TEST_F(VerifyTest, PagesThatFailTheirChecksumUnknownToTheBackupAreFound) {
  CommitEdited([](MapLeaf&) {},
               [](StreamList& list) {
                 for (auto& stream : list.streams) {
                   if (stream.path == "base/5/16384") stream.path = "base/5/16384.1";
                 }
               });
  EXPECT_FALSE(IsGood(Verify(), kThird));
}

TEST_F(VerifyTest, WhatNobodyRefersToIsCountedAndWhatNobodyKnowsIsWarnedOf) {
  crypto::Sha256Digest orphan = crypto::Sha256(AsBytes("orphan"));
  ASSERT_TRUE(repository_.storage()->PutIfAbsent(names().Pack(orphan), AsBytes("orphan")).ok());
  for (const std::string& name : {std::string("/strange/1"), std::string("/packs/aa/short"),
                                  std::string("/backups/notes"), std::string("/loose")}) {
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(names().Root() + name, AsBytes("x")).ok());
  }
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.orphan_packs, 1u);
  EXPECT_EQ(report.orphan_bytes, 6u);
  for (const char* name : {"/strange ", "/packs/aa/short ", "/backups/notes ", "/loose "}) {
    EXPECT_TRUE(Warns(report, names().Root() + name)) << name;
  }
}

TEST_F(VerifyTest, NotesAndRecordsOfDeletionsAreVerified) {
  format::BackupNote note;
  note.set_pinned(true);
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), SmallRepository::kFirst, note).ok());
  format::Deletion deletion;
  deletion.set_prune_id(kThird);
  ASSERT_TRUE(repository::PutDeletion(repository_.cluster(), deletion).ok());
  for (const char* name : {"/notes/loose", "/notes/strange/1"}) {
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(names().Root() + name, AsBytes("x")).ok());
  }
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good());
  EXPECT_TRUE(Warns(report, names().Root() + "/notes/loose "));
  EXPECT_TRUE(Warns(report, names().Root() + "/notes/strange "));
  for (const std::string& object :
       {names().Note(SmallRepository::kFirst, 0), names().Deletion(kThird)}) {
    Damage(object);
  }
  std::string moved = names().Note(SmallRepository::kSecond, 7);
  note.set_note("of the first backup");
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), SmallRepository::kFirst, note).ok());
  ASSERT_TRUE(repository_.storage()
                  ->PutIfAbsent(moved, Content(*repository_.storage(),
                                               names().Note(SmallRepository::kFirst, 1)))
                  .ok());
  std::set<std::string> damaged;
  for (const DamagedObject& object : Verify().damaged) damaged.insert(object.object);
  EXPECT_EQ(damaged, (std::set<std::string>{names().Note(SmallRepository::kFirst, 0), moved,
                                            names().Deletion(kThird)}));
}

TEST_F(VerifyTest, AListWithoutAManifestIsAWarningAndNoDamage) {
  Remove(names().Manifest(SmallRepository::kSecond));
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good());
  EXPECT_TRUE(Warns(report, names().Manifest(SmallRepository::kSecond)));
  EXPECT_EQ(report.orphan_packs, 3u);
}

TEST_F(VerifyTest, PacksAreNobodysOnlyWhenEveryListCanBeRead) {
  Remove(names().References(SmallRepository::kSecond));
  VerifyReport report = Verify();
  ASSERT_NE(Find(report, names().References(SmallRepository::kSecond)), nullptr);
  EXPECT_EQ(report.orphan_packs, 0u) << "the second backup needs them";
  EXPECT_TRUE(Warns(report, "no reference list that can be read"));
}

TEST_F(VerifyTest, OneBackupIsVerifiedWithTheWalFromItOn) {
  std::string first_pack = names().Pack(repository_.second_packs()[0].sha256);
  Damage(first_pack);
  Damage(repository_.WalObject(1, 4));
  VerifyOptions options;
  options.scope = VerifyOptions::Scope::kBackup;
  options.backup = "latest";
  VerifyReport report = Verify(options);
  EXPECT_EQ(report.backups.size(), 1u);
  EXPECT_NE(Find(report, first_pack), nullptr);
  EXPECT_EQ(Find(report, repository_.WalObject(1, 4)), nullptr);
  options.backup = SmallRepository::kFirst;
  report = Verify(options);
  EXPECT_EQ(Find(report, first_pack), nullptr);
  EXPECT_NE(Find(report, repository_.WalObject(1, 4)), nullptr);
  options.backup = "20200101_000000-0000";
  EXPECT_EQ(VerifyStored(repository_.storage(), "main", {}, options).code(), Code::kNotFound);
}

TEST_F(VerifyTest, WithoutAKeyStoredBytesAreChecked) {
  VerifyOptions options;
  options.without_key = true;
  VerifyReport report = Verify(options);
  EXPECT_TRUE(report.good());
  EXPECT_FALSE(report.with_key);
  EXPECT_EQ(report.packs, 6u);
  EXPECT_EQ(report.wal_files, 10u);
  std::string pack = names().Pack(repository_.second_packs()[0].sha256);
  Damage(pack);
  Damage(names().References(SmallRepository::kFirst));
  Damage("repository.copy");
  report = Verify(options);
  ASSERT_EQ(report.damaged.size(), 3u);
  EXPECT_EQ(Find(report, pack)->backups, std::vector<std::string>{SmallRepository::kSecond});
  EXPECT_FALSE(IsGood(report, SmallRepository::kFirst)) << "nobody knows its packs";
}

TEST_F(VerifyTest, WhatIsNotThereIsNotFoundAndNotDamaged) {
  EXPECT_EQ(VerifyStored(repository_.storage(), "other", {}, {}).code(), Code::kNotFound);
  auto empty = std::make_shared<storage::MemoryStorage>();
  EXPECT_EQ(VerifyStored(empty, "main", {}, {}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace pgcairn::commands
