// RestoreFiles into a directory that holds something already, and what is removed from it before.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "commands/copy_files.h"
#include "commands/delta_check.h"
#include "commands/delta_cleanup.h"
#include "commands/restore_files.h"
#include "commands/restore_marker.h"
#include "postgres/control_file.h"
#include "postgres/testing/control_file_samples.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

namespace fs = std::filesystem;
using repository::RandomContent;

constexpr uint32_t kTablespace = 16'400;
constexpr char kTablespaceVersion[] = "PG_15_202209061";
constexpr uint64_t kPage = 8192;

// Path below the root -> mode and content, links followed where they lead to directories.
using TreeContents = std::map<std::string, std::pair<uint32_t, Bytes>>;

TreeContents ReadTreeContents(const std::string& root) {
  TreeContents tree;
  for (const auto& entry :
       fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink)) {
    struct stat info {};
    CHECK(::stat(entry.path().c_str(), &info) == 0);
    Bytes content;
    if (entry.is_regular_file()) content = ReadFile(entry.path().string(), 1 << 30).value();
    tree[entry.path().lexically_relative(root).string()] = {info.st_mode, std::move(content)};
  }
  return tree;
}

class DeltaFilesTest : public ::testing::Test {
 protected:
  DeltaFilesTest() {
    for (const char* directory :
         {"base/5", "global", "pg_wal/archive_status", "pg_replslot", "pg_tblspc"}) {
      CHECK(MakeDirectories(source_ + "/" + directory).ok());
    }
    CHECK(MakeDirectories(space_).ok());
    fs::create_symlink(space_, source_ + fmt::format("/pg_tblspc/{}", kTablespace));
    CHECK(MakeDirectories(source_ + "/" + InSpace("5")).ok());
    Put(source_, "PG_VERSION", AsBytes("15\n"));
    Put(source_, "base/5/20000", RandomContent(4 * 1024 * kPage + 4 * kPage, 1));
    Bytes sparse = RandomContent(300 * kPage, 2);
    std::fill(sparse.begin() + 100 * kPage, sparse.begin() + 200 * kPage, 0);
    Put(source_, "base/5/20001", sparse);
    Put(source_, "base/5/20002", RandomContent(3 * kPage + 100, 3));
    Put(source_, "base/5/20003", {});
    Put(source_, "base/5/notes", AsBytes("text"));
    Put(source_, InSpace("5/20004"), RandomContent(20 * kPage, 4));
    Backup();
    places_.data_directory = target_;
    places_.config_directory = target_ + ".config";
    places_.tablespace_locations[kTablespace] = target_ + ".ts";
    CHECK(MakeDirectories(target_).ok());
    CHECK(Restore(Existing::kRefuse).ok());
    original_ = ReadTreeContents(target_);
  }

  static std::string InSpace(const std::string& path) {
    return fmt::format("pg_tblspc/{}/{}/{}", kTablespace, kTablespaceVersion, path);
  }
  static void Put(const std::string& root, const std::string& path, ByteView content) {
    CHECK(MakeDirectories(DirectoryOf(root + "/" + path)).ok());
    CHECK(WriteFileDurably(root + "/" + path, content).ok());
  }
  // Other bytes in one page of a restored file.
  void Spoil(const std::string& path, uint64_t page) {
    Result<UniqueFd> fd = Open(target_ + "/" + path, O_WRONLY);
    CHECK(fd.ok() && WriteAt(fd->get(), AsBytes("spoilt"), page * kPage + 17, path).ok());
  }

  void Backup() {
    Result<postgres::DataDirectoryListing> listing =
        postgres::ListDataDirectory(source_, kTablespaceVersion);
    CHECK(listing.ok());
    Progress progress(ProgressStyle::kNone, "backup", 0);
    sources::PageFindings findings;
    sources::PageReaderOptions reader;
    reader.data_directory = source_;
    reader.findings = &findings;
    PreviousMap nothing;
    const std::vector<postgres::ExternalFile> no_files;
    CopyOptions options{*listing, no_files, reader, 2, 1, progress, [] { return Status(); },
                        nothing};
    Result<CopyResult> copied = CopyFiles(*cluster_.access, options);
    CHECK(copied.ok());
    for (const repository::BlobReference& list : copied->stream_lists) {
      repository::ToMessage(list.pack, list.location, manifest_.add_stream_lists());
    }
    const auto& sample = postgres::testing::kControlFileSamples[2];
    Bytes control = *FromHex(sample.hex);
    control.resize(postgres::kControlFileSize);
    manifest_.set_control_file(ToString(control));
    manifest_.set_system_identifier(sample.system_identifier);
    manifest_.set_stream_bytes(copied->stream_bytes);
    manifest_.set_data_directory(source_);
  }

  Result<RestoredFiles> Restore(Existing existing) {
    Progress progress(ProgressStyle::kNone, "restore", 0);
    return RestoreFiles(
        *cluster_.access, manifest_,
        {{target_, places_.config_directory, places_.tablespace_locations}, 2, progress, existing});
  }
  // As restore --delta does.
  RestoredFiles Delta() {
    Result<PathsOfBackup> wanted = ReadPathsOfBackup(*cluster_.access, manifest_);
    CHECK(wanted.ok());
    Result<uint64_t> removed = RemoveWhatBackupLacks(std::move(*wanted), manifest_, places_);
    CHECK(removed.ok());
    removed_ = *removed;
    Result<RestoredFiles> restored = Restore(Existing::kReuse);
    CHECK(restored.ok());
    return *restored;
  }
  uint64_t Fetched() const { return counting_->Count(storage::Request::kGetRange).bytes; }

  storage::ScratchDirectory scratch_;
  const std::string source_ = scratch_.path() + "/source";
  const std::string space_ = scratch_.path() + "/space";
  const std::string target_ = scratch_.path() + "/target";
  std::shared_ptr<storage::CountingStorage> counting_ =
      std::make_shared<storage::CountingStorage>(std::make_shared<storage::MemoryStorage>());
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(counting_);
  format::Manifest manifest_;
  RestorePlaces places_;
  TreeContents original_;
  uint64_t removed_ = 0;
};

constexpr uint64_t kPagesInAll = 4 * 1024 + 4 + 300 + 4 + 20;

TEST_F(DeltaFilesTest, OfAnIntactDirectoryNothingIsWrittenAndOnlyMapsAreFetched) {
  std::map<std::string, fs::file_time_type> times;
  for (const auto& entry : fs::recursive_directory_iterator(target_)) {
    times[entry.path()] = entry.last_write_time();
  }
  const uint64_t fetched = Fetched();
  RestoredFiles restored = Delta();
  EXPECT_EQ(restored.pages_compared, kPagesInAll);
  EXPECT_EQ(restored.pages_written, 0u);
  EXPECT_EQ(restored.bytes_written, 0u);
  EXPECT_EQ(removed_, 0u);
  EXPECT_LT(Fetched() - fetched, 200'000u);
  for (const auto& [path, time] : times) EXPECT_EQ(fs::last_write_time(path), time) << path;
}

TEST_F(DeltaFilesTest, OnlyPagesThatDifferAreWritten) {
  for (uint64_t page : {0u, 1u, 2000u, 4099u}) Spoil("base/5/20000", page);
  Spoil("base/5/20001", 150);  // zeros in the backup
  Spoil("base/5/20002", 3);    // its last, short one
  Spoil(InSpace("5/20004"), 19);
  const uint64_t fetched = Fetched();
  RestoredFiles restored = Delta();
  EXPECT_EQ(restored.pages_compared, kPagesInAll);
  EXPECT_EQ(restored.pages_written, 7u);
  EXPECT_EQ(restored.bytes_written, 6 * kPage + 100);
  EXPECT_LT(Fetched() - fetched, 10u << 20) << "not all of it";
  EXPECT_EQ(ReadTreeContents(target_), original_);
}

TEST_F(DeltaFilesTest, FilesOfOtherSizesModesAndKindsAreMadeRight) {
  fs::resize_file(target_ + "/base/5/20000", 4096 * kPage + 5);
  fs::resize_file(target_ + "/base/5/20001", 400 * kPage);
  fs::remove(target_ + "/base/5/20002");
  Put(target_, "base/5/20003", AsBytes("was empty"));
  fs::remove(target_ + "/base/5/notes");
  CHECK(MakeDirectories(target_ + "/base/5/notes/in/the/way").ok());
  fs::remove_all(target_ + "/pg_replslot");
  Put(target_, "pg_replslot", AsBytes("a file"));
  ASSERT_EQ(::chmod((target_ + "/PG_VERSION").c_str(), 0644), 0);
  ASSERT_EQ(::chmod((target_ + "/base").c_str(), 0755), 0);
  fs::remove_all(target_ + ".ts/" + kTablespaceVersion);
  RestoredFiles restored = Delta();
  EXPECT_EQ(ReadTreeContents(target_), original_);
  EXPECT_EQ(restored.pages_written, 4u + 4 + 20);
}

TEST_F(DeltaFilesTest, WhatTheBackupLacksGoesAndWhatIsNotTheClustersStays) {
  for (const char* path :
       {"base/5/20009", "base/5/pg_internal.init", "base/6/1", "pg_replslot/slot/state",
        "pg_wal/000000010000000000000003", "pg_wal/archive_status/000000010000000000000003.done",
        "recovery.signal", "standby.signal", "backup_label", "tablespace_map", "postmaster.opts",
        "global/pg_control.pgcairn-tmp.17", "global/pg_filenode.map.pgcairn-tmp.17"}) {
    Put(target_, path, AsBytes("old"));
  }
  const std::string linked = target_ + "/" + InSpace("");
  Put(linked, "5/20010", AsBytes("old"));
  Put(linked, "7/1", AsBytes("old"));
  // Neither is this cluster's.
  Put(target_ + ".ts", "PG_14_202107181/5/1", AsBytes("theirs"));
  Put(target_ + ".ts", "readme", AsBytes("theirs"));
  CHECK(MakeDirectories(target_ + "/lost+found").ok());
  CHECK(MakeDirectories(scratch_.path() + "/logs").ok());
  Put(scratch_.path(), "logs/server.log", AsBytes("words"));
  fs::create_symlink(scratch_.path() + "/logs", target_ + "/log");
  ASSERT_TRUE(WriteRestoreMarker(target_, {1, "b"}).ok());
  RestoredFiles restored = Delta();
  EXPECT_EQ(restored.bytes_written, 0u);
  EXPECT_EQ(removed_, 15u);
  EXPECT_EQ(ToString(*ReadFile(target_ + ".ts/readme", 10)), "theirs");
  EXPECT_TRUE(Exists(target_ + ".ts/PG_14_202107181/5/1"));
  EXPECT_TRUE(Exists(target_ + "/log/server.log"));
  EXPECT_TRUE(Exists(target_ + "/lost+found"));
  EXPECT_TRUE((*ReadRestoreMarker(target_)).has_value());
  fs::remove_all(target_ + ".ts/PG_14_202107181");
  for (const char* path : {".ts/readme", "/log", "/lost+found", "/pgcairn.restoring"}) {
    fs::remove(target_ + path);
  }
  EXPECT_EQ(ReadTreeContents(target_), original_);
}

TEST_F(DeltaFilesTest, ATablespaceMadeSinceIsEmptiedAndUnlinked) {
  const std::string place = scratch_.path() + "/new space";
  Put(place, fmt::format("{}/5/1", kTablespaceVersion), AsBytes("future"));
  Put(place, "readme", AsBytes("theirs"));
  fs::create_symlink(place, target_ + "/pg_tblspc/16999");
  Delta();
  EXPECT_FALSE(Exists(target_ + "/pg_tblspc/16999"));
  EXPECT_FALSE(Exists(place + "/" + kTablespaceVersion));
  EXPECT_TRUE(Exists(place + "/readme"));
  EXPECT_EQ(ReadTreeContents(target_), original_);
}

TEST_F(DeltaFilesTest, ATablespaceThatMovesLeavesItsOldPlaceAlone) {
  const TreeContents before = ReadTreeContents(target_ + ".ts");
  places_.tablespace_locations[kTablespace] = scratch_.path() + "/elsewhere";
  Delta();
  EXPECT_EQ(fs::read_symlink(target_ + fmt::format("/pg_tblspc/{}", kTablespace)),
            scratch_.path() + "/elsewhere");
  EXPECT_EQ(ReadTreeContents(target_), original_);
  EXPECT_EQ(ReadTreeContents(target_ + ".ts"), before);
}

TEST_F(DeltaFilesTest, ALinkedWalDirectoryIsEmptiedAndStays) {
  const std::string wal = scratch_.path() + "/wal";
  fs::rename(target_ + "/pg_wal", wal);
  fs::create_symlink(wal, target_ + "/pg_wal");
  Put(wal, "000000010000000000000003", AsBytes("old"));
  CHECK(MakeDirectories(wal + "/lost+found").ok());
  Delta();
  EXPECT_EQ(fs::read_symlink(target_ + "/pg_wal"), wal);
  EXPECT_FALSE(Exists(wal + "/000000010000000000000003"));
  EXPECT_TRUE(fs::remove(wal + "/lost+found"));
  EXPECT_EQ(ReadTreeContents(target_), original_);
}

// CheckDeltaTarget

class DeltaCheckTest : public DeltaFilesTest {
 protected:
  DeltaCheckTest() {
    Put(target_, postgres::kControlFilePath, AsBytes(manifest_.control_file()));
    manifest_.set_data_directory(target_);
  }

  void ExpectRefused(const std::string& text, Code code = Code::kRefused) {
    const TreeContents before = ReadTreeContents(target_);
    Result<bool> checked = CheckDeltaTarget(manifest_, places_);
    ASSERT_FALSE(checked.ok()) << text;
    EXPECT_EQ(checked.code(), code) << checked.error().message;
    EXPECT_NE(checked.error().message.find(text), std::string::npos) << checked.error().message;
    EXPECT_NE(checked.error().hint, "");
    EXPECT_EQ(ReadTreeContents(target_), before);
  }
  void ExpectAccepted() {
    Result<bool> checked = CheckDeltaTarget(manifest_, places_);
    ASSERT_TRUE(checked.ok()) << checked.error().message;
    EXPECT_TRUE(*checked);
  }
  void RemoveControl() { fs::remove(target_ + "/" + postgres::kControlFilePath); }
};

TEST_F(DeltaCheckTest, TheClustersOwnDirectoryIsAccepted) { ExpectAccepted(); }

TEST_F(DeltaCheckTest, AnAbsentOrEmptyDirectoryIsAnOrdinaryRestores) {
  fs::remove_all(target_);
  Result<bool> checked = CheckDeltaTarget(manifest_, places_);
  EXPECT_TRUE(checked.ok() && !*checked);
  CHECK(MakeDirectories(target_).ok());
  checked = CheckDeltaTarget(manifest_, places_);
  EXPECT_TRUE(checked.ok() && !*checked);
}

TEST_F(DeltaCheckTest, AnotherClusterIsRefused) {
  manifest_.set_system_identifier(manifest_.system_identifier() + 1);
  ExpectRefused("belongs to another cluster");
  RemoveControl();
  ASSERT_TRUE(WriteRestoreMarker(target_, {manifest_.system_identifier() - 1, "b"}).ok());
  ExpectRefused("belongs to another cluster");
  ASSERT_TRUE(WriteRestoreMarker(target_, {manifest_.system_identifier(), "b"}).ok());
  ExpectAccepted();
  Put(target_, "pgcairn.restoring", AsBytes("?"));
  ExpectRefused("does not say", Code::kDamaged);
}

TEST_F(DeltaCheckTest, ARestoreThatEndedBeforeItsMarkerHadItsNameCanGoOn) {
  fs::remove_all(target_);
  fs::remove_all(target_ + ".ts");
  Put(target_, "pgcairn.restoring.pgcairn-tmp.17", AsBytes("pgcairn rest"));
  ExpectAccepted();
  Delta();
  EXPECT_FALSE(Exists(target_ + "/pgcairn.restoring.pgcairn-tmp.17"));
  EXPECT_EQ(ReadTreeContents(target_), original_);
  fs::remove_all(target_);
  Put(target_, "pgcairn.restoring.pgcairn-tmp.17", AsBytes("pgcairn rest"));
  Put(target_, "precious", AsBytes("x"));
  ExpectRefused("no data directory");
}

TEST_F(DeltaCheckTest, WhatIsNoDataDirectoryIsRefused) {
  RemoveControl();
  ExpectRefused("no data directory");
  Put(target_, postgres::kControlFilePath, Bytes(postgres::kControlFileSize));
  ExpectRefused("pg_control", Code::kUnsupported);
}

// Only root can give files away; tests/e2e/test_delta_restore.py does it as any user.
TEST_F(DeltaCheckTest, AFileOfAnotherUserIsRefusedInATablespaceToo) {
  const bool root = ::geteuid() == 0;
  for (const std::string& path : {std::string("base/5/20003"), InSpace("5/20004")}) {
    ExpectAccepted();
    const std::string whole = target_ + "/" + path;
    if (!root) continue;
    ASSERT_EQ(::chown(whole.c_str(), 12'345, 12'345), 0);
    ExpectRefused("belongs to another user");
    ASSERT_EQ(::chown(whole.c_str(), 0, 0), 0);
  }
}

TEST_F(DeltaCheckTest, WhoMadeALinkDoesNotMatter) {
  const std::string wal = scratch_.path() + "/wal";
  fs::rename(target_ + "/pg_wal", wal);
  fs::create_symlink(wal, target_ + "/pg_wal");
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown((target_ + "/pg_wal").c_str(), 12'345, 12'345), 0);
  }
  ExpectAccepted();
}

TEST_F(DeltaCheckTest, SegmentsThatWaitForTheirArchivingAreNotThrownAway) {
  Put(target_, "pg_wal/archive_status/000000010000000000000004.ready", {});
  Put(target_, "pg_wal/archive_status/000000010000000000000003.ready", {});
  Put(target_, "pg_wal/archive_status/000000010000000000000002.done", {});
  ExpectRefused("2 segments that were never archived, 000000010000000000000003 the first");
  // A run that was interrupted had asked already.
  RemoveControl();
  ASSERT_TRUE(WriteRestoreMarker(target_, {manifest_.system_identifier(), "b"}).ok());
  ExpectAccepted();
}

TEST_F(DeltaCheckTest, ALinkedWalDirectoryMustBeOne) {
  const std::string wal = scratch_.path() + "/wal";
  fs::remove_all(target_ + "/pg_wal");
  fs::create_symlink(wal, target_ + "/pg_wal");
  Result<bool> dangling = CheckDeltaTarget(manifest_, places_);
  ASSERT_FALSE(dangling.ok());
  EXPECT_EQ(dangling.code(), Code::kRefused);
  for (const char* name : {"000000010000000000000003", "00000002.history", "xlogtemp.12",
                           "000000010000000000000003.00000028.backup", "archive_status/x",
                           "000000010000000000000003.partial", "lost+found/x"}) {
    Put(wal, name, AsBytes("old"));
  }
  ExpectAccepted();
  Put(wal, "holiday.jpg", AsBytes("dear"));
  ExpectRefused("holiday.jpg");
}

TEST_F(DeltaCheckTest, LinksOfACopyMayLeadToTheOriginals) {
  const std::string wal = scratch_.path() + "/wal";
  const std::string later = scratch_.path() + "/later";
  const std::string link = target_ + "/pg_tblspc/16999";
  fs::create_symlink(later, link);
  Put(later, "readme", AsBytes("theirs"));
  manifest_.set_data_directory("/srv/original");
  ExpectAccepted();  // nothing would be removed there
  Put(later, fmt::format("{}/5/1", kTablespaceVersion), AsBytes("theirs"));
  ExpectRefused(link + " is a link to " + later);
  fs::rename(target_ + "/pg_wal", wal);
  fs::create_symlink(wal, target_ + "/pg_wal");
  ExpectRefused("/pg_wal is a link to " + wal);
  // The same directory under another name is no copy.
  const std::string name = scratch_.path() + "/name";
  fs::create_directory_symlink(target_, name);
  manifest_.set_data_directory(name);
  ExpectAccepted();
}

TEST_F(DeltaCheckTest, ATablespaceGoesNowhereElseThanItsLinkLeads) {
  const std::string other = scratch_.path() + "/other";
  places_.tablespace_locations[kTablespace] = other;
  ExpectAccepted();
  Put(other, "readme", AsBytes("theirs"));
  Put(other, "PG_14_202107181/5/1", AsBytes("theirs"));
  ExpectAccepted();
  Put(other, fmt::format("{}/5/1", kTablespaceVersion), AsBytes("theirs"));
  ExpectRefused("does not refer to");
}

TEST_F(DeltaCheckTest, RoomIsNeededOnlyForWhatIsNotThere) {
  const fs::space_info space = fs::space(target_);
  manifest_.set_stream_bytes(space.available + (20u << 20));
  ExpectAccepted();
  manifest_.set_stream_bytes(uint64_t{1} << 60);
  ExpectRefused("free, the restore needs", Code::kNoSpace);
}

}  // namespace
}  // namespace pgcairn::commands
