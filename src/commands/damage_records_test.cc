// What a verification writes to damaged/, and what it must never write there.
#include "commands/damage_records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "repository/damaged/damaged_store.h"
#include "storage/readonly/readonly_storage.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using format::DamagedPack;
using repository::Content;
using storage::Fault;
using storage::FaultEffect;
using storage::Request;
using testing::SmallRepository;

class DamageRecordsTest : public ::testing::Test {
 protected:
  VerifyReport VerifyOn(std::shared_ptr<storage::Storage> storage, bool without_key = false) {
    VerifyOptions options;
    options.without_key = without_key;
    Result<VerifyReport> report = VerifyStored(std::move(storage), "main", {}, options);
    CHECK(report.ok());
    return std::move(report).value();
  }
  VerifyReport Verify(bool without_key = false) { return VerifyOn(plain(), without_key); }

  const std::shared_ptr<storage::MemoryStorage>& plain() const { return repository_.storage(); }
  const repository::ClusterNames& names() const { return repository_.cluster().names; }
  crypto::Sha256Digest pack() const { return repository_.second_packs()[0].sha256; }
  std::string name() const { return names().Pack(pack()); }

  void Damage(const std::string& object) {
    Bytes bytes = Content(*plain(), object);
    bytes[bytes.size() / 2] ^= 1;
    repository::Replace(*plain(), object, bytes);
  }
  std::vector<crypto::Sha256Digest> Recorded() {
    return *repository::ListDamagedPacks(*plain(), names());
  }
  DamagedPack::Proof Proof() {
    Result<DamagedPack> record = repository::ReadDamagedPack(*plain(), names(), pack());
    return record.ok() ? record->proof() : DamagedPack::PROOF_UNSPECIFIED;
  }
  void Record(DamagedPack::Proof proof) {
    CHECK(repository::RecordDamagedPack(*plain(), names(), pack(), proof).ok());
  }
  static bool Warns(const VerifyReport& report, const std::string& text) {
    return std::ranges::any_of(report.warnings, [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  SmallRepository repository_;
};

TEST_F(DamageRecordsTest, BadPacksAreRecordedUntilTheyAreGoodAgainWithAKeyOrWithout) {
  const Bytes own = Content(*plain(), name());
  for (bool without_key : {false, true}) {
    for (bool missing : {false, true}) {
      if (missing) {
        ASSERT_TRUE(plain()->Delete(name()).ok());
      } else {
        Damage(name());
      }
      VerifyReport report = Verify(without_key);
      ASSERT_EQ(report.damaged.size(), 1u);
      EXPECT_TRUE(report.damaged[0].recorded);
      EXPECT_EQ(Recorded(), std::vector{pack()});
      EXPECT_EQ(Proof(), missing ? DamagedPack::ABSENT : DamagedPack::BYTES);
      const Bytes record = Content(*plain(), names().DamagedPack(pack()));
      report = Verify(without_key);
      EXPECT_TRUE(report.damaged[0].recorded) << "before";
      EXPECT_EQ(Content(*plain(), names().DamagedPack(pack())), record);

      ASSERT_TRUE(plain()->Delete(name()).ok());
      ASSERT_TRUE(plain()->PutIfAbsent(name(), own).ok());
      report = Verify(without_key);
      EXPECT_TRUE(report.good());
      EXPECT_EQ(report.healed, std::vector{name()});
      EXPECT_TRUE(Recorded().empty());
      EXPECT_TRUE(Verify(without_key).healed.empty());
    }
  }
}

TEST_F(DamageRecordsTest, AReadThatFailsIsNoDamage) {
  for (Code code : {Code::kStorage, Code::kPermission, Code::kConnection}) {
    for (Request request : {Request::kGetRange, Request::kStat, Request::kGet}) {
      auto faulty = std::make_shared<storage::FaultyStorage>(plain());
      faulty->Add(
          {.request = request, .name_contains = "/packs/", .times = UINT64_MAX, .code = code});
      VerifyReport report = VerifyOn(faulty);
      EXPECT_EQ(report.good(), request == Request::kGet) << "only records are read by that";
      for (const DamagedObject& damaged : report.damaged) EXPECT_FALSE(damaged.recorded);
      EXPECT_TRUE(Recorded().empty());
    }
  }
}

TEST_F(DamageRecordsTest, WhatCannotBeReadAgainIsNotProven) {
  Damage(name());
  auto faulty = std::make_shared<storage::FaultyStorage>(plain());
  faulty->Add({.request = Request::kGet, .name_contains = "/packs/", .times = UINT64_MAX});
  EXPECT_FALSE(VerifyOn(faulty).damaged[0].recorded);
  EXPECT_TRUE(Recorded().empty());
}

TEST_F(DamageRecordsTest, BytesThatChangeOnTheWayAreNotTheStoragesDamage) {
  const Bytes own = Content(*plain(), name());
  auto faulty = std::make_shared<storage::FaultyStorage>(plain());
  // Bad while the verification reads it, and its own when it is read again.
  Damage(name());
  faulty->Add({.request = Request::kGet,
               .name_contains = name(),
               .effect = FaultEffect::kRunHook,
               .hook = [&] { repository::Replace(*plain(), name(), own); }});
  VerifyReport report = VerifyOn(faulty);
  EXPECT_FALSE(report.good());
  EXPECT_TRUE(Warns(report, "whole when it was read again"));
  EXPECT_TRUE(Recorded().empty());
}

TEST_F(DamageRecordsTest, AReferenceListThatIsWrongProvesNothingOfAPack) {
  // Without a key nobody holds the list against its manifest.
  const std::string list = names().References(SmallRepository::kSecond);
  std::string text = ToString(Content(*plain(), list));
  const size_t at = text.find(pack().ToHex()) + pack().ToHex().size() + 1;
  text[at] = text[at] == '9' ? '8' : '9';
  repository::Replace(*plain(), list, AsBytes(text));
  VerifyReport report = Verify(true);
  EXPECT_FALSE(report.good());
  EXPECT_TRUE(Recorded().empty());
}

TEST_F(DamageRecordsTest, WhereNothingCanBeWrittenTheRunGoesOnAndWarns) {
  Damage(name());
  VerifyReport report = VerifyOn(std::make_shared<storage::ReadonlyStorage>(plain()));
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_FALSE(report.damaged[0].recorded);
  EXPECT_TRUE(Warns(report, "are not recorded"));
}

TEST_F(DamageRecordsTest, NothingIsWrittenElsewhere) {
  Verify();  // notes that both backups are good
  std::vector<std::string> before = repository_.Objects();
  Verify();
  EXPECT_EQ(repository_.Objects(), before);
  Damage(name());
  Damage(repository_.WalObject(1, 4));
  Verify();
  std::vector<std::string> after = repository_.Objects();
  std::erase(after, names().DamagedPack(pack()));
  EXPECT_EQ(after, before);
}

TEST_F(DamageRecordsTest, APackWhoseContentIsWrongIsGoodOnlyWhenAllIsProven) {
  Record(DamagedPack::CONTENT);
  EXPECT_TRUE(Verify(true).healed.empty()) << "its bytes never were the question";
  Damage(names().Pack(repository_.second_packs()[1].sha256));
  EXPECT_TRUE(Verify().healed.empty()) << "not every backup could be looked at";
  EXPECT_EQ(Recorded().size(), 2u);
  Damage(names().Pack(repository_.second_packs()[1].sha256));
  EXPECT_EQ(Verify().healed.size(), 2u);
  EXPECT_TRUE(Recorded().empty());
}

TEST_F(DamageRecordsTest, RecordsOfPacksThatNoBackupListsStay) {
  const crypto::Sha256Digest other = crypto::Sha256(AsBytes("other"));
  ASSERT_TRUE(repository::RecordDamagedPack(*plain(), names(), other, DamagedPack::ABSENT).ok());
  EXPECT_TRUE(Verify().good());
  EXPECT_EQ(Recorded(), std::vector{other});
}

TEST_F(DamageRecordsTest, ARecordThatIsDamagedIsNamedAndCounts) {
  Damage(name());
  Verify();
  Damage(names().DamagedPack(pack()));
  VerifyReport report = Verify(true);
  EXPECT_EQ(report.damaged.size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(report.damaged, [&](const DamagedObject& damaged) {
    return damaged.object == names().DamagedPack(pack());
  }));
  Damage(name());
  EXPECT_EQ(Verify().healed, std::vector{name()});
  EXPECT_TRUE(Verify().good());
}

// Two at once

TEST_F(DamageRecordsTest, TwoThatFindTheSameBothSayThatItIsRecorded) {
  Damage(name());
  auto faulty = std::make_shared<storage::FaultyStorage>(plain());
  faulty->Add({.request = Request::kPut,
               .name_contains = "/damaged/",
               .effect = FaultEffect::kRunHook,
               .hook = [&] { EXPECT_TRUE(Verify().damaged[0].recorded); }});
  VerifyReport report = VerifyOn(faulty);
  EXPECT_TRUE(report.damaged[0].recorded);
  EXPECT_TRUE(report.warnings.empty());
  EXPECT_EQ(Recorded(), std::vector{pack()});
}

TEST_F(DamageRecordsTest, WhatAnotherRunRecordsAfterThePackWasReadStays) {
  auto faulty = std::make_shared<storage::FaultyStorage>(plain());
  // The pack was read and good when this is listed.
  faulty->Add({.request = Request::kList,
               .name_contains = "/history",
               .effect = FaultEffect::kRunHook,
               .hook = [&] {
                 Damage(name());
                 EXPECT_TRUE(Verify().damaged[0].recorded);
               }});
  VerifyOn(faulty);
  EXPECT_EQ(Recorded(), std::vector{pack()});
}

TEST_F(DamageRecordsTest, ARecordThatAnotherRunReliesOnIsWrittenAgain) {
  Record(DamagedPack::BYTES);
  auto faulty = std::make_shared<storage::FaultyStorage>(plain());
  // Damaged anew just before the removal: the other run finds the old record in place.
  faulty->Add({.request = Request::kDelete,
               .name_contains = "/damaged/",
               .effect = FaultEffect::kRunHook,
               .hook = [&] {
                 Damage(name());
                 EXPECT_TRUE(Verify().damaged[0].recorded);
               }});
  VerifyReport report = VerifyOn(faulty);
  EXPECT_EQ(Recorded(), std::vector{pack()});
  EXPECT_TRUE(report.healed.empty());
  EXPECT_TRUE(Warns(report, "no longer is"));
}

}  // namespace
}  // namespace pgcairn::commands
