#include "postgres/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "postgres/relation_path.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

namespace fs = std::filesystem;
using testing::ScratchCluster;

constexpr char kVersionDirectory[] = "PG_15_202209061";

std::set<std::string> PathsOf(const std::vector<DataFile>& files) {
  std::set<std::string> paths;
  for (const DataFile& file : files) paths.insert(file.path);
  return paths;
}

std::set<std::string> PathsOf(const std::vector<DataDirectoryEntry>& directories) {
  std::set<std::string> paths;
  for (const DataDirectoryEntry& directory : directories) paths.insert(directory.path);
  return paths;
}

bool HasNote(const DataDirectoryListing& listing, std::string_view part) {
  return std::any_of(listing.notes.begin(), listing.notes.end(), [part](const std::string& note) {
    return note.find(part) != std::string::npos;
  });
}

class DataDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);
    char name[] = "/tmp/pgcairn-listing-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    top_ = name;
    root_ = top_ + "/data";
    fs::create_directory(root_);
  }
  void TearDown() override { fs::remove_all(top_); }

  void Put(const std::string& path, std::string_view content = "x") {
    fs::path full = fs::path(root_) / path;
    fs::create_directories(full.parent_path());
    auto fd = Open(full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_TRUE(fd.ok()) << fd.error().message;
    ASSERT_TRUE(WriteAll(fd->get(), AsBytes(content), path).ok());
  }
  void MakeDirectory(const std::string& path) { fs::create_directories(fs::path(root_) / path); }
  void Link(const std::string& target, const std::string& path) {
    fs::create_directories((fs::path(root_) / path).parent_path());
    fs::create_symlink(target, fs::path(root_) / path);
  }
  Result<DataDirectoryListing> List() { return ListDataDirectory(root_, kVersionDirectory); }
  DataDirectoryListing ListOk() {
    auto listing = List();
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    return listing.ok() ? *listing : DataDirectoryListing();
  }
  Error ListRefused() {
    auto listing = List();
    EXPECT_FALSE(listing.ok());
    return listing.ok() ? Error() : listing.error();
  }

  std::string top_;
  std::string root_;
};

TEST_F(DataDirectoryTest, AFileIsDescribedAsItIs) {
  Put("base/5/16384", "12345");
  std::string full = root_ + "/base/5/16384";
  timespec times[2] = {{1, 0}, {1700000000, 123456789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, full.c_str(), times, 0), 0);
  ASSERT_EQ(::chmod(full.c_str(), 0640), 0);
  ASSERT_EQ(::chmod(root_.c_str(), 0750), 0);
  struct stat info {};
  ASSERT_EQ(::stat(full.c_str(), &info), 0);
  DataDirectoryListing listing = ListOk();
  ASSERT_EQ(listing.files.size(), 1U);
  const DataFile& file = listing.files[0];
  EXPECT_EQ(file.path, "base/5/16384");
  EXPECT_EQ(file.size, 5U);
  EXPECT_EQ(file.mtime_ns, 1700000000123456789);
  EXPECT_EQ(file.ctime_ns, info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec);
  EXPECT_EQ(file.inode, info.st_ino);
  EXPECT_EQ(file.mode, 0640U);
  EXPECT_TRUE(file.is_relation);
  EXPECT_EQ(listing.bytes_total, 5U);
  ASSERT_EQ(listing.directories.size(), 3U);
  EXPECT_EQ(listing.directories[0].path, ".");
  EXPECT_EQ(listing.directories[0].mode, 0750U);
  EXPECT_EQ(listing.directories[1].path, "base");
  EXPECT_EQ(listing.directories[2].path, "base/5");
}

TEST_F(DataDirectoryTest, FilesComeInTheOrderOfPathsAndSegments) {
  for (const char* path : {"base/5/16384.10", "base/5/16384_fsm", "base/5/16384.2", "base/5/16384",
                           "base/5/PG_VERSION", "PG_VERSION", "global/1262", "base/10/1"}) {
    Put(path);
  }
  std::vector<std::string> paths;
  for (const DataFile& file : ListOk().files) paths.push_back(file.path);
  EXPECT_EQ(paths, (std::vector<std::string>{
                       "PG_VERSION", "base/10/1", "base/5/16384", "base/5/16384.2",
                       "base/5/16384.10", "base/5/16384_fsm", "base/5/PG_VERSION", "global/1262"}));
}

TEST_F(DataDirectoryTest, WhatTheServerMakesAnewIsLeftOut) {
  for (const char* path : {"postmaster.pid",
                           "postmaster.opts",
                           "backup_label",
                           "backup_label.old",
                           "tablespace_map",
                           "tablespace_map.old",
                           "backup_manifest",
                           "recovery.signal",
                           "standby.signal",
                           "promote",
                           "postgresql.auto.conf.tmp",
                           "current_logfiles.tmp",
                           "global/pg_control",
                           "global/pg_internal.init",
                           "base/5/pg_internal.init.4711",
                           "base/pgsql_tmp/pgsql_tmp12.0",
                           "base/5/pgsql_tmp99",
                           "base/5/t3_16384",
                           "base/5/t3_16384_fsm",
                           "base/5/t3_16384.1",
                           "pg_wal/000000010000000000000001",
                           "pg_wal/archive_status/x.ready",
                           "pg_wal/summaries/s",
                           "pg_dynshmem/a",
                           "pg_notify/0000",
                           "pg_replslot/slot/state",
                           "pg_serial/0000",
                           "pg_snapshots/a",
                           "pg_stat_tmp/global.stat",
                           "pg_subtrans/0000",
                           "lost+found/a",
                           "postgresql.conf.pgcairn-tmp.12",
                           "base/5/16384.pgcairn-tmp.9"}) {
    Put(path);
  }
  const std::set<std::string> kept = {"PG_VERSION",
                                      "postgresql.conf",
                                      "postgresql.auto.conf",
                                      "current_logfiles",
                                      "log/server.log",
                                      "pg_xact/0000",
                                      "pg_logical/mappings/m",
                                      "pg_stat/pgstat.stat",
                                      "base/5/16384",
                                      "global/pg_filenode.map",
                                      "pg_multixact/members/0000",
                                      "own/backup_label",
                                      "own/recovery.signal"};
  for (const std::string& path : kept) Put(path);
  DataDirectoryListing listing = ListOk();
  EXPECT_EQ(PathsOf(listing.files), kept);
  EXPECT_EQ(PathsOf(listing.directories), (std::set<std::string>{".",
                                                                 "base",
                                                                 "base/5",
                                                                 "global",
                                                                 "log",
                                                                 "own",
                                                                 "pg_dynshmem",
                                                                 "pg_logical",
                                                                 "pg_logical/mappings",
                                                                 "pg_multixact",
                                                                 "pg_multixact/members",
                                                                 "pg_notify",
                                                                 "pg_replslot",
                                                                 "pg_serial",
                                                                 "pg_snapshots",
                                                                 "pg_stat",
                                                                 "pg_stat_tmp",
                                                                 "pg_subtrans",
                                                                 "pg_wal",
                                                                 "pg_wal/archive_status",
                                                                 "pg_wal/summaries",
                                                                 "pg_xact"}));
  EXPECT_TRUE(listing.notes.empty()) << listing.notes[0];
}

TEST_F(DataDirectoryTest, UnloggedRelationsKeepTheirInitForkOnly) {
  for (const char* path :
       {"base/5/16384", "base/5/16384.1", "base/5/16384_fsm", "base/5/16384_vm",
        "base/5/16384_init", "base/5/163840", "base/5/16385", "base/6/16384", "base/6/16384_fsm"}) {
    Put(path);
  }
  EXPECT_EQ(PathsOf(ListOk().files),
            (std::set<std::string>{"base/5/16384_init", "base/5/163840", "base/5/16385",
                                   "base/6/16384", "base/6/16384_fsm"}));
}

TEST_F(DataDirectoryTest, OfATablespaceOnlyThisVersionsDirectoryIsTaken) {
  fs::create_directories(top_ + "/space");
  Link(top_ + "/space", "pg_tblspc/16400");
  Put("pg_tblspc/16400/PG_15_202209061/5/16401");
  Put("pg_tblspc/16400/PG_15_202209061/5/16402");
  Put("pg_tblspc/16400/PG_15_202209061/5/16402_init");
  Put("pg_tblspc/16400/PG_15_202209061/pgsql_tmp/pgsql_tmp1.0");
  Put("pg_tblspc/16400/PG_14_202107181/5/16401");
  Put("pg_tblspc/16400/notes.txt");
  ASSERT_EQ(::chmod((top_ + "/space").c_str(), 0710), 0);
  DataDirectoryListing listing = ListOk();
  EXPECT_EQ(PathsOf(listing.files),
            (std::set<std::string>{"pg_tblspc/16400/PG_15_202209061/5/16401",
                                   "pg_tblspc/16400/PG_15_202209061/5/16402_init"}));
  EXPECT_TRUE(listing.files[0].is_relation);
  ASSERT_EQ(listing.tablespaces.size(), 1U);
  EXPECT_EQ(listing.tablespaces[0].oid, 16400U);
  EXPECT_EQ(listing.tablespaces[0].link_target, top_ + "/space");
  EXPECT_EQ(listing.tablespaces[0].location, top_ + "/space");
  ASSERT_EQ(listing.directories.size(), 5U);
  EXPECT_EQ(listing.directories[2].path, "pg_tblspc/16400");
  EXPECT_EQ(listing.directories[2].mode, 0710U);
  EXPECT_TRUE(HasNote(listing, "pg_tblspc/16400/PG_14_202107181"));
  EXPECT_TRUE(HasNote(listing, "pg_tblspc/16400/notes.txt"));
}

// What a relative link leads to is decided by where the link lies, and not by who reads its text.
TEST_F(DataDirectoryTest, ARelativeLinkOfATablespaceLeadsToAnAbsolutePlace) {
  fs::create_directories(top_ + "/space");
  Link("../../space", "pg_tblspc/16400");
  Put("pg_tblspc/16400/PG_15_202209061/5/16401");
  fs::create_directory_symlink(root_, top_ + "/other-name");
  auto listing = ListDataDirectory(top_ + "/other-name", kVersionDirectory);
  ASSERT_TRUE(listing.ok()) << listing.error().message;
  ASSERT_EQ(listing->tablespaces.size(), 1U);
  EXPECT_EQ(listing->tablespaces[0].link_target, "../../space");
  EXPECT_EQ(listing->tablespaces[0].location, top_ + "/space");
  EXPECT_EQ(*ReadTablespaceLink(root_ + "/pg_tblspc/16400"), top_ + "/space");
  fs::remove_all(top_ + "/space");
  EXPECT_EQ(*ReadTablespaceLink(root_ + "/pg_tblspc/16400"), top_ + "/space");
  EXPECT_EQ(ReadTablespaceLink(root_ + "/pg_tblspc/16401").code(), Code::kNotFound);
}

TEST_F(DataDirectoryTest, AnInPlaceTablespaceIsAnOrdinaryDirectory) {
  Put("pg_tblspc/16400/PG_15_202209061/5/16401");
  DataDirectoryListing listing = ListOk();
  EXPECT_EQ(PathsOf(listing.files),
            (std::set<std::string>{"pg_tblspc/16400/PG_15_202209061/5/16401"}));
  EXPECT_TRUE(listing.tablespaces.empty());
  EXPECT_TRUE(HasNote(listing, "tablespace 16400 lies in place"));
}

TEST_F(DataDirectoryTest, ATablespaceInsideTheDataDirectoryIsRefused) {
  MakeDirectory("spaces/one");
  fs::create_directory_symlink(root_, top_ + "/other-name");
  Link(top_ + "/other-name/spaces/one", "pg_tblspc/16400");
  Error error = ListRefused();
  EXPECT_EQ(error.code, Code::kRefused);
  EXPECT_NE(error.message.find("pg_tblspc/16400"), std::string::npos);
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(DataDirectoryTest, ADataDirectoryInsideATablespacesOwnPartIsRefused) {
  std::string inner = top_ + "/PG_15_202209061/data";
  fs::create_directories(inner + "/pg_tblspc");
  fs::create_symlink(top_, inner + "/pg_tblspc/16400");
  EXPECT_EQ(ListDataDirectory(inner, kVersionDirectory).code(), Code::kRefused);
}

// As in Debian, where both may lie below /var/lib/postgresql.
TEST_F(DataDirectoryTest, ADataDirectoryBesideATablespacesOwnPartIsTaken) {
  Link(top_, "pg_tblspc/16400");
  Put("pg_tblspc/16400/PG_15_202209061/5/16401");
  EXPECT_EQ(PathsOf(ListOk().files),
            (std::set<std::string>{"pg_tblspc/16400/PG_15_202209061/5/16401"}));
}

TEST_F(DataDirectoryTest, TablespacesThatShareFilesAreRefused) {
  fs::create_directories(top_ + "/space/PG_15_202209061/nested");
  Link(top_ + "/space", "pg_tblspc/16400");
  Link(top_ + "/space", "pg_tblspc/16401");
  EXPECT_EQ(ListRefused().code, Code::kRefused);
  fs::remove(root_ + "/pg_tblspc/16401");
  Link(top_ + "/space/PG_15_202209061/nested", "pg_tblspc/16401");
  EXPECT_EQ(ListRefused().code, Code::kRefused);
}

TEST_F(DataDirectoryTest, AMissingTablespaceIsRefused) {
  Link(top_ + "/gone", "pg_tblspc/16400");
  Error error = ListRefused();
  EXPECT_EQ(error.code, Code::kRefused);
  EXPECT_NE(error.message.find(top_ + "/gone"), std::string::npos);
}

TEST_F(DataDirectoryTest, WhatIsNoTablespaceIsNoted) {
  fs::create_directories(top_ + "/space");
  Link(top_ + "/space", "pg_tblspc/not-an-oid");
  Put("pg_tblspc/16401");
  DataDirectoryListing listing = ListOk();
  EXPECT_TRUE(listing.files.empty());
  EXPECT_TRUE(HasNote(listing, "pg_tblspc/not-an-oid"));
  EXPECT_TRUE(HasNote(listing, "pg_tblspc/16401"));
}

TEST_F(DataDirectoryTest, ALinkedPgWalBecomesAnEmptyDirectory) {
  fs::create_directories(top_ + "/wal/archive_status");
  ASSERT_EQ(::chmod((top_ + "/wal").c_str(), 0700), 0);
  Link(top_ + "/wal", "pg_wal");
  Put("pg_wal/000000010000000000000001");
  DataDirectoryListing listing = ListOk();
  EXPECT_TRUE(listing.files.empty());
  EXPECT_EQ(PathsOf(listing.directories),
            (std::set<std::string>{".", "pg_wal", "pg_wal/archive_status"}));
  EXPECT_TRUE(HasNote(listing, "pg_wal is a link to " + top_ + "/wal"));
}

TEST_F(DataDirectoryTest, ALinkedFileIsStoredAsTheFile) {
  fs::create_directory(top_ + "/etc");
  Put("../etc/postgresql.conf", "port = 1");
  Link(top_ + "/etc/postgresql.conf", "postgresql.conf");
  Link(top_ + "/nowhere", "server.crt");
  DataDirectoryListing listing = ListOk();
  ASSERT_EQ(listing.files.size(), 1U);
  EXPECT_EQ(listing.files[0].path, "postgresql.conf");
  EXPECT_EQ(listing.files[0].size, 8U);
  EXPECT_TRUE(HasNote(listing, "postgresql.conf is a link"));
  EXPECT_TRUE(HasNote(listing, "server.crt"));
}

TEST_F(DataDirectoryTest, ALinkedDirectoryIsRefused) {
  fs::create_directory(top_ + "/elsewhere");
  MakeDirectory("base");
  Link(top_ + "/elsewhere", "base/5");
  Error error = ListRefused();
  EXPECT_EQ(error.code, Code::kRefused);
  EXPECT_NE(error.message.find("base/5"), std::string::npos);
  EXPECT_NE(error.message.find(top_ + "/elsewhere"), std::string::npos);
}

TEST_F(DataDirectoryTest, ALinkedLogDirectoryIsLeftOut) {
  fs::create_directory(top_ + "/logs");
  Link(top_ + "/logs", "log");
  Put("log/postgresql.log");
  DataDirectoryListing listing = ListOk();
  EXPECT_TRUE(listing.files.empty());
  EXPECT_TRUE(HasNote(listing, "log is a link"));
}

TEST_F(DataDirectoryTest, SpecialFilesAreLeftOut) {
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  DataDirectoryListing listing = ListOk();
  EXPECT_TRUE(listing.files.empty());
  EXPECT_TRUE(HasNote(listing, "pipe is a named pipe"));
}

TEST_F(DataDirectoryTest, ADirectoryThatIsNotThereIsNotFound) {
  EXPECT_EQ(ListDataDirectory(root_ + "/none", kVersionDirectory).code(), Code::kNotFound);
}

// The one who lists has to be somebody whom modes bind, and root is not.
TEST_F(DataDirectoryTest, WhatCannotBeReadIsNamed) {
  Put("base/5/16384");
  ASSERT_EQ(::chmod((root_ + "/base/5/16384").c_str(), 0), 0);
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::chmod(top_.c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  auto file = List();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.code(), Code::kPermission);
  EXPECT_NE(file.error().message.find(root_ + "/base/5/16384"), std::string::npos);
}

// pg_basebackup's choice is PostgreSQL's own.
TEST_F(DataDirectoryTest, TakesTheFilesThatPgBasebackupTakes) {
  auto made = ScratchCluster::Create({.settings = {"max_prepared_transactions=5"}});
  ASSERT_TRUE(made.ok()) << made.error().message;
  ScratchCluster& cluster = **made;
  ASSERT_TRUE(cluster.Start().ok()) << cluster.ServerLog();
  ASSERT_TRUE(cluster.MakeDirectory("space").ok());
  std::string space = cluster.root_directory() + "/space";
  auto filled = cluster.Sql(fmt::format(
      "CREATE TABLESPACE space LOCATION '{}';\n"
      "CREATE TABLE plain AS SELECT generate_series(1, 5000) i;\nVACUUM plain;\n"
      "CREATE TABLE there (i int PRIMARY KEY) TABLESPACE space;\n"
      "CREATE UNLOGGED TABLE light (i int PRIMARY KEY);\n"
      "CREATE UNLOGGED TABLE light_there TABLESPACE space AS SELECT generate_series(1, 9) i;\n"
      "INSERT INTO light SELECT generate_series(1, 5000);\nVACUUM light;\n"
      "SELECT lo_from_bytea(0, 'large');\nCREATE DATABASE other TABLESPACE space;\n"
      "SELECT pg_create_physical_replication_slot('slot');\n"
      "BEGIN; INSERT INTO plain VALUES (1); PREPARE TRANSACTION 'waits';\nCHECKPOINT;\n",
      space));
  ASSERT_TRUE(filled.ok()) << filled.error().message;
  std::string copy = cluster.root_directory() + "/copy";
  std::string space_copy = cluster.root_directory() + "/space-copy";
  auto run = cluster.Run({"pg_basebackup", "-h", cluster.socket_directory(), "-p",
                          std::to_string(cluster.port()), "-U", "postgres", "-D", copy, "-X",
                          "none", "--no-manifest", "--checkpoint=fast", "-T",
                          fmt::format("{}={}", space, space_copy)});
  ASSERT_TRUE(run.ok());
  ASSERT_EQ(run->exit_code, 0) << run->err;
  auto ours = ListDataDirectory(cluster.data_directory(), kVersionDirectory);
  ASSERT_TRUE(ours.ok()) << ours.error().message;

  std::set<std::string> files;
  std::set<std::string> directories = {"."};
  for (const auto& entry :
       fs::recursive_directory_iterator(copy, fs::directory_options::follow_directory_symlink)) {
    std::string path = entry.path().lexically_relative(copy).string();
    (entry.is_directory() ? directories : files).insert(path);
  }
  // Handled apart, or made by pg_basebackup itself.
  ASSERT_EQ(files.erase("global/pg_control"), 1U);
  ASSERT_EQ(files.erase("backup_label"), 1U);
  EXPECT_EQ(PathsOf(ours->files), files);
  EXPECT_EQ(PathsOf(ours->directories), directories);
  ASSERT_EQ(ours->tablespaces.size(), 1U);
  EXPECT_EQ(ours->tablespaces[0].link_target, space);
  EXPECT_TRUE(ours->notes.empty()) << ours->notes[0];
}

TEST_F(DataDirectoryTest, TemporaryRelationsLeftByACrashAreLeftOut) {
  auto made = ScratchCluster::Create();
  ASSERT_TRUE(made.ok()) << made.error().message;
  ScratchCluster& cluster = **made;
  ASSERT_TRUE(cluster.Start().ok()) << cluster.ServerLog();
  auto path = cluster.Sql(
      "CREATE TEMP TABLE t AS SELECT generate_series(1, 5000) i;\n"
      "SELECT pg_relation_filepath('t')");
  ASSERT_TRUE(path.ok()) << path.error().message;
  ASSERT_TRUE(ParseRelationPath(*path)) << *path;
  EXPECT_TRUE(ParseRelationPath(*path)->temporary) << *path;
  // The session's end removed the file; put back what a crash would have left.
  ASSERT_TRUE(cluster.Stop().ok());
  auto fd = Open(cluster.data_directory() + "/" + *path, O_WRONLY | O_CREAT);
  ASSERT_TRUE(fd.ok());
  auto listing = ListDataDirectory(cluster.data_directory(), kVersionDirectory);
  ASSERT_TRUE(listing.ok());
  EXPECT_FALSE(PathsOf(listing->files).contains(*path)) << *path;
  EXPECT_TRUE(PathsOf(listing->files).contains("base/5/PG_VERSION"));
}

}  // namespace
}  // namespace pgcairn::postgres
