#include "commands/newest_memory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "commands/memory_check.h"
#include "commands/testing/small_repository.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::Content;
using testing::SmallRepository;

constexpr char kThirdId[] = "20240103_020000-0003";
constexpr uint64_t kRememberedSystem = 0x1122334455667788;
constexpr char kEarlier[] = "000000010000000000000003";
constexpr char kLater[] = "000000010000000000000004";
constexpr char kNextTimeline[] = "000000020000000000000003";

class NewestMemoryTest : public ::testing::Test {
 protected:
  const repository::ClusterAccess& cluster() const { return repository_.cluster(); }

  static std::string Text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  std::vector<std::string> RememberedIds() const {
    std::vector<std::string> ids;
    Result<std::vector<RememberedBackup>> backups = memory_.Backups();
    CHECK(backups.ok());
    for (const RememberedBackup& backup : *backups) ids.push_back(backup.backup_id);
    return ids;
  }
  void Note(const std::string& id) { ASSERT_TRUE(memory_.NoteBackup(cluster(), id).ok()); }
  void NoteSegment(const char* name, uint64_t system = kRememberedSystem) {
    ASSERT_TRUE(memory_.NoteSegment(system, name).ok());
  }
  std::string RememberedName() const {
    Result<RememberedSegment> segment = memory_.Segment();
    return segment.ok() ? segment->name : "";
  }
  // Messages of that severity, joined.
  std::string Found(Severity severity) const {
    std::string messages;
    for (const Finding& finding : CheckMemory(memory_, cluster())) {
      if (finding.severity == severity) messages += finding.message + "\n";
    }
    return messages;
  }

  SmallRepository repository_;
  storage::ScratchDirectory scratch_;
  NewestMemory memory_{scratch_.path(), cluster().place.repository, "main"};
};

TEST_F(NewestMemoryTest, OnlyTheNewestBackupIsRememberedWhileAllAreThere) {
  EXPECT_EQ(memory_.Backups().code(), Code::kNotFound);
  Note(SmallRepository::kFirst);
  Note(SmallRepository::kSecond);
  EXPECT_EQ(RememberedIds(), std::vector<std::string>{SmallRepository::kSecond});
  EXPECT_EQ(Found(Severity::kError), "");
  EXPECT_NE(Found(Severity::kOk).find(SmallRepository::kSecond), std::string::npos);
}

TEST_F(NewestMemoryTest, ALostBackupIsNamedUntilThePersonDeletesTheFile) {
  Note(SmallRepository::kSecond);
  std::string manifest = cluster().names.Manifest(SmallRepository::kSecond);
  Bytes kept = Content(*repository_.storage(), manifest);
  ASSERT_TRUE(repository_.storage()->Delete(manifest).ok());
  EXPECT_NE(Found(Severity::kError).find("put back to an older copy"), std::string::npos);
  // Another backup does not end the alarm.
  repository_.CommitSharing(kThirdId, [](format::Manifest&) {});
  Note(kThirdId);
  EXPECT_EQ(RememberedIds(), (std::vector<std::string>{SmallRepository::kSecond, kThirdId}));
  EXPECT_NE(Found(Severity::kError).find(SmallRepository::kSecond), std::string::npos);
  EXPECT_NE(Found(Severity::kOk).find(kThirdId), std::string::npos);
  // The copy with all that was lost does.
  ASSERT_TRUE(repository_.storage()->PutIfAbsent(manifest, kept).ok());
  EXPECT_EQ(Found(Severity::kError), "");
  Note(kThirdId);
  EXPECT_EQ(RememberedIds(), std::vector<std::string>{kThirdId});
}

TEST_F(NewestMemoryTest, AnotherManifestUnderARememberedIdIsFound) {
  Note(SmallRepository::kSecond);
  std::string text = Text(memory_.backups_file());
  size_t digest =
      text.find(SmallRepository::kSecond) + std::string(SmallRepository::kSecond).size();
  text[digest + 1] = text[digest + 1] == '0' ? '1' : '0';
  Write(memory_.backups_file(), text);
  EXPECT_NE(Found(Severity::kError).find("another one than this host saw"), std::string::npos);
}

TEST_F(NewestMemoryTest, AMissingMemoryOfBackupsIsAWarningAndOfAnEmptyRepositoryNothing) {
  EXPECT_NE(Found(Severity::kWarning).find("remembers no backup"), std::string::npos);
  for (const char* id : {SmallRepository::kFirst, SmallRepository::kSecond}) {
    ASSERT_TRUE(repository_.storage()->Delete(cluster().names.Manifest(id)).ok());
  }
  EXPECT_TRUE(CheckMemory(memory_, cluster()).empty());
}

TEST_F(NewestMemoryTest, AnotherRepositoryInThePlaceOfTheRememberedOneIsAWarning) {
  NewestMemory before(scratch_.path(), repository::RepositoryId(), "main");
  NewestMemory unlike(scratch_.path(), repository::RepositoryId(), "main-2");
  ASSERT_TRUE(unlike.NoteBackup(cluster(), SmallRepository::kFirst).ok());
  EXPECT_EQ(memory_.BackupsFilesOfOthers(), std::vector<std::string>());
  ASSERT_TRUE(before.NoteBackup(cluster(), SmallRepository::kFirst).ok());
  EXPECT_NE(Found(Severity::kWarning).find(before.backups_file()), std::string::npos);
  Note(SmallRepository::kSecond);
  EXPECT_EQ(Found(Severity::kWarning), "");
}

TEST_F(NewestMemoryTest, WhatTheProgramDidNotWriteIsAWarningAndWrittenAnew) {
  for (const char* text : {"", "nonsense\n", "a b c\n"}) {
    Write(memory_.backups_file(), text);
    EXPECT_EQ(memory_.Backups().code(), Code::kDamaged) << text;
    EXPECT_NE(Found(Severity::kWarning).find("cannot be used"), std::string::npos);
    Note(SmallRepository::kSecond);
    EXPECT_EQ(RememberedIds().size(), 1U);
  }
  Write(memory_.segment_file(), std::string(1000, 'x'));
  EXPECT_EQ(memory_.Segment().code(), Code::kDamaged);
  NoteSegment(kLater);
  EXPECT_EQ(RememberedName(), kLater);
}

TEST_F(NewestMemoryTest, ALaterSegmentTakesThePlaceOfAnEarlierOneAndNeverTheOtherWayRound) {
  EXPECT_EQ(memory_.Segment().code(), Code::kNotFound);
  NoteSegment(kLater);
  NoteSegment(kEarlier);
  EXPECT_EQ(RememberedName(), kLater);
  NoteSegment(kNextTimeline);
  EXPECT_EQ(RememberedName(), kNextTimeline);
  NoteSegment(kEarlier, kRememberedSystem + 1);
  EXPECT_EQ(RememberedName(), kEarlier);
  EXPECT_EQ(memory_.Segment()->system_identifier, kRememberedSystem + 1);
  // What a crash of the host can leave.
  Write(memory_.segment_file(), "");
  EXPECT_EQ(memory_.Segment().code(), Code::kNotFound);
}

TEST_F(NewestMemoryTest, WhileProcessesTakeNoteOthersReadWhatOneOfThemWrote) {
  constexpr int kProcesses = 3;
  for (int process = 0; process < kProcesses; ++process) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child > 0) continue;
    bool noted = true;
    for (int i = 0; i < 200 && noted; ++i) {
      noted = memory_.NoteSegment(kRememberedSystem + (i % 2), kLater).ok() &&
              memory_.NoteBackup(cluster(), SmallRepository::kSecond).ok();
    }
    ::_exit(noted ? 0 : 1);
  }
  for (int ended = 0; ended < kProcesses;) {
    Result<RememberedSegment> segment = memory_.Segment();
    Result<std::vector<RememberedBackup>> backups = memory_.Backups();
    EXPECT_TRUE(segment.ok() || segment.code() == Code::kNotFound) << segment.error().message;
    EXPECT_TRUE(backups.ok() || backups.code() == Code::kNotFound) << backups.error().message;
    int status = 0;
    if (::waitpid(-1, &status, WNOHANG) <= 0) continue;
    EXPECT_EQ(status, 0);
    ++ended;
  }
  EXPECT_EQ(RememberedName(), kLater);
  EXPECT_EQ(RememberedIds(), std::vector<std::string>{SmallRepository::kSecond});
}

TEST_F(NewestMemoryTest, ALostSegmentIsAnError) {
  NoteSegment("000000020000000000000008", repository_.system());
  EXPECT_EQ(Found(Severity::kError), "");
  ASSERT_TRUE(repository_.storage()->Delete(repository_.WalObject(2, 8)).ok());
  EXPECT_NE(Found(Severity::kError).find("000000020000000000000008"), std::string::npos);
}

TEST_F(NewestMemoryTest, EveryClusterOfEveryRepositoryHasItsOwnFilesForTheOwnerAlone) {
  Note(SmallRepository::kSecond);
  NoteSegment(kLater);
  for (const std::string& path : {memory_.backups_file(), memory_.segment_file()}) {
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
  }
  NewestMemory other_cluster(scratch_.path(), cluster().place.repository, "other");
  NewestMemory other_repository(scratch_.path(), repository::RepositoryId(), "main");
  for (const NewestMemory& other : {other_cluster, other_repository}) {
    EXPECT_EQ(other.Backups().code(), Code::kNotFound);
    EXPECT_EQ(other.Segment().code(), Code::kNotFound);
  }
}

TEST_F(NewestMemoryTest, AFolderThatIsNotThereStopsNothing) {
  config::Settings settings;
  settings.storage.log_path = scratch_.path() + "/missing";
  RememberBackup(settings, cluster(), SmallRepository::kSecond);
  RememberSegment(settings, cluster(), kRememberedSystem, kLater);
  EXPECT_FALSE(Exists(settings.storage.log_path));
}

TEST_F(NewestMemoryTest, OnlyWholeSegmentsAreNoted) {
  config::Settings settings;
  settings.storage.log_path = scratch_.path();
  for (const char* name : {"00000002.history", "000000010000000000000004.partial",
                           "000000010000000000000004.00000028.backup"}) {
    RememberSegment(settings, cluster(), kRememberedSystem, name);
    EXPECT_EQ(memory_.Segment().code(), Code::kNotFound) << name;
  }
  RememberSegment(settings, cluster(), kRememberedSystem, kLater);
  EXPECT_EQ(RememberedName(), kLater);
}

}  // namespace
}  // namespace pgcairn::commands
