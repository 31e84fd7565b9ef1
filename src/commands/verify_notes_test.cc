#include "commands/verify_notes.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "commands/testing/small_incremental.h"
#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "repository/notes/note_store.h"
#include "storage/readonly/readonly_storage.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using Scope = VerifyOptions::Scope;
using format::Verification;
using testing::SmallRepository;

constexpr char kThirdNoted[] = "20240103_020000-0003";

class VerifyNotesTest : public ::testing::Test {
 protected:
  VerifyReport VerifyOn(std::shared_ptr<storage::Storage> storage, Scope scope = Scope::kAll,
                        bool without_key = false) {
    VerifyOptions options;
    options.scope = scope;
    options.backup = "latest";
    options.without_key = without_key;
    Result<VerifyReport> report = VerifyStored(std::move(storage), "main", {}, options);
    CHECK(report.ok());
    return std::move(report).value();
  }
  VerifyReport Verify(Scope scope = Scope::kAll, bool without_key = false) {
    return VerifyOn(repository_.storage(), scope, without_key);
  }
  // How the backup is noted as verified; UNSPECIFIED: not at all.
  Verification::Scope Noted(const std::string& id) {
    Result<repository::BackupNotes> notes = repository::ReadNotes(repository_.cluster(), id);
    CHECK(notes.ok() && notes->unreadable.empty());
    return notes->verified ? notes->verified->scope() : Verification::SCOPE_UNSPECIFIED;
  }

  SmallRepository repository_;
};

TEST_F(VerifyNotesTest, AGoodBackupIsNotedOnce) {
  EXPECT_EQ(Noted(SmallRepository::kFirst), Verification::SCOPE_UNSPECIFIED);
  Verify();
  EXPECT_EQ(Noted(SmallRepository::kFirst), Verification::WHOLE);
  EXPECT_EQ(Noted(SmallRepository::kSecond), Verification::WHOLE);
  const std::vector<std::string> objects = repository_.Objects();
  EXPECT_TRUE(Verify().warnings.empty());
  Verify(Scope::kBackup);
  Verify(Scope::kNew);
  EXPECT_EQ(repository_.Objects(), objects);
}

TEST_F(VerifyNotesTest, ItIsSaidHowMuchWasVerified) {
  Verify(Scope::kNew);
  EXPECT_EQ(Noted(SmallRepository::kSecond), Verification::NEW_OBJECTS);
  EXPECT_EQ(Noted(SmallRepository::kFirst), Verification::SCOPE_UNSPECIFIED);
}

TEST_F(VerifyNotesTest, WhatIsDamagedOrWasNotOpenedIsNotNoted) {
  Verify(Scope::kAll, true);
  EXPECT_EQ(Noted(SmallRepository::kFirst), Verification::SCOPE_UNSPECIFIED) << "without a key";
  ASSERT_TRUE(repository_.storage()
                  ->Delete(repository_.cluster().names.Pack(repository_.second_packs()[0].sha256))
                  .ok());
  for (Scope scope : {Scope::kNew, Scope::kBackup, Scope::kAll}) Verify(scope);
  EXPECT_EQ(Noted(SmallRepository::kSecond), Verification::SCOPE_UNSPECIFIED);
  EXPECT_EQ(Noted(SmallRepository::kFirst), Verification::WHOLE);
}

TEST_F(VerifyNotesTest, ABackupWhoseOldPacksCannotBeListedIsNotNoted) {
  testing::CommitIncremental(repository_, kThirdNoted);
  auto faulty = std::make_shared<storage::FaultyStorage>(repository_.storage());
  faulty->Add({.request = storage::Request::kList, .name_contains = "/packs/", .times = 100});
  VerifyReport report = VerifyOn(faulty, Scope::kNew);
  EXPECT_FALSE(report.good());
  EXPECT_EQ(Noted(kThirdNoted), Verification::SCOPE_UNSPECIFIED);
  Verify(Scope::kNew);
  EXPECT_EQ(Noted(kThirdNoted), Verification::NEW_OBJECTS);
}

TEST_F(VerifyNotesTest, WhereNothingCanBeWrittenOneWarningSaysSo) {
  VerifyReport report = VerifyOn(std::make_shared<storage::ReadonlyStorage>(repository_.storage()));
  EXPECT_TRUE(report.good());
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_NE(report.warnings[0].find("cannot be noted"), std::string::npos);
}

TEST_F(VerifyNotesTest, ADamagedNoteIsNamed) {
  Verify();
  const std::string note = repository_.cluster().names.Note(SmallRepository::kFirst, 0);
  Bytes bytes = repository::Content(*repository_.storage(), note);
  bytes[bytes.size() - 1] ^= 1;
  repository::Replace(*repository_.storage(), note, bytes);
  VerifyReport report = Verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].object, note);
  EXPECT_TRUE(report.damaged[0].backups.empty());
}

}  // namespace
}  // namespace pgcairn::commands
