#include "commands/copy_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "commands/restore_files.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::RandomContent;

constexpr char kVersionDirectory[] = "PG_15_202209061";
constexpr uint32_t kTablespaceOid = 16'400;
constexpr uint64_t kMiB = 1 << 20;

// What a directory tree holds, links followed.
struct Tree {
  std::map<std::string, Bytes> files;
  std::map<std::string, uint32_t> modes;  // directories too
};

uint32_t ModeOf(const std::string& path) {
  struct stat info {};
  CHECK(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

Tree ReadTree(const std::string& root) {
  Tree tree;
  std::filesystem::recursive_directory_iterator entries(
      root, std::filesystem::directory_options::follow_directory_symlink);
  for (const auto& entry : entries) {
    std::string path = entry.path().lexically_relative(root).string();
    tree.modes[path] = ModeOf(entry.path().string());
    if (!entry.is_regular_file()) continue;
    Result<Bytes> content = ReadFile(entry.path().string(), 1 << 30);
    CHECK(content.ok());
    tree.files[path] = std::move(content).value();
  }
  return tree;
}

void ExpectSameTree(const Tree& restored, const Tree& expected) {
  for (const auto& [path, content] : expected.files) {
    auto found = restored.files.find(path);
    ASSERT_NE(found, restored.files.end()) << path << " is missing";
    EXPECT_EQ(found->second.size(), content.size()) << path;
    EXPECT_TRUE(found->second == content) << path << " has other bytes";
  }
  EXPECT_EQ(restored.files.size(), expected.files.size());
  EXPECT_EQ(restored.modes, expected.modes);
}

class CopyFilesTest : public ::testing::Test {
 protected:
  CopyFilesTest() {
    CHECK(MakeDirectories(source_ + "/base/5").ok());
    CHECK(MakeDirectories(source_ + "/global").ok());
  }

  void Write(const std::string& path, ByteView content, mode_t mode = 0600) {
    Result<UniqueFd> fd = Open(source_ + "/" + path, O_WRONLY | O_CREAT | O_EXCL);
    CHECK(fd.ok() && WriteAll(fd->get(), content, path).ok());
    CHECK(::fchmod(fd->get(), mode) == 0);
  }

  // A file with holes, as large relations have them, and random pages in between.
  void WriteSparse(const std::string& path, uint64_t size, uint64_t seed) {
    std::mt19937_64 generator(seed);
    Result<UniqueFd> fd = Open(source_ + "/" + path, O_WRONLY | O_CREAT | O_EXCL);
    CHECK(fd.ok() && ::ftruncate(fd->get(), static_cast<off_t>(size)) == 0);
    for (int i = 0; i < 150; ++i) {
      Bytes run = RandomContent(8192 * (1 + generator() % 4), generator());
      uint64_t page = generator() % (size / 8192 - 4);
      CHECK(WriteAt(fd->get(), run, page * 8192, path).ok());
    }
    CHECK(WriteAt(fd->get(), AsBytes("end"), size - 3, path).ok());
  }

  void List() {
    Result<postgres::DataDirectoryListing> listing =
        postgres::ListDataDirectory(source_, kVersionDirectory);
    CHECK(listing.ok());
    listing_ = std::move(listing).value();
  }

  Result<CopyResult> Copy(
      size_t threads = 2, std::function<Status()> while_copying = [] { return Status(); }) {
    Progress progress(ProgressStyle::kNone, "backup", 0);
    sources::PageReaderOptions reader;
    reader.data_directory = source_;
    reader.findings = &findings_;
    PreviousMap nothing;
    CopyOptions options{listing_, external_, reader, threads, 1, progress, std::move(while_copying),
                        nothing};
    return CopyFiles(*cluster_.access, options);
  }

  void Backup(size_t threads = 2) {
    Result<CopyResult> copied = Copy(threads);
    ASSERT_TRUE(copied.ok()) << copied.error().message;
    copied_ = std::move(copied).value();
    manifest_.clear_stream_lists();
    for (const repository::BlobReference& list : copied_.stream_lists) {
      repository::ToMessage(list.pack, list.location, manifest_.add_stream_lists());
    }
  }

  Result<RestoredFiles> Restore(const std::string& name, size_t threads = 2) {
    Progress progress(ProgressStyle::kNone, "restore", 0);
    target_ = scratch_.path() + "/" + name;
    CHECK(MakeDirectories(target_).ok());
    std::map<uint32_t, std::string> locations;
    for (const postgres::TablespaceLink& link : listing_.tablespaces) {
      locations[link.oid] = fmt::format("{}.ts/{}", target_, link.oid);
    }
    return RestoreFiles(*cluster_.access, manifest_,
                        {{target_, target_ + ".config", locations}, threads, progress});
  }

  std::vector<std::string> PackNames() {
    std::vector<std::string> names;
    std::string packs = cluster_.access->names.Root() + "/packs";
    Result<storage::Listing> directories = storage_->List(packs);
    CHECK(directories.ok());
    for (const std::string& directory : directories->directories) {
      Result<storage::Listing> listing = storage_->List(directory);
      CHECK(listing.ok());
      for (const storage::ObjectInfo& object : listing->objects) {
        names.push_back(object.name);
      }
    }
    return names;
  }

  storage::ScratchDirectory scratch_;
  const std::string source_ = scratch_.path() + "/source";
  std::shared_ptr<storage::FaultyStorage> storage_ =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(storage_);
  postgres::DataDirectoryListing listing_;
  std::vector<postgres::ExternalFile> external_;
  sources::PageFindings findings_;
  CopyResult copied_;
  format::Manifest manifest_;
  std::string target_;
};

TEST_F(CopyFilesTest, FilesOfEverySizeComeBackByteForByte) {
  Write("PG_VERSION", AsBytes("15\n"));
  for (uint64_t size : {0u, 1u, 8191u, 8192u, 8193u, 262'144u, 262'145u, 3'000'000u}) {
    Write(fmt::format("base/5/{}", 20'000 + size), RandomContent(size, size));
  }
  WriteSparse("base/5/16384", 70 * kMiB, 1);
  WriteSparse("base/5/16384_fsm", 70 * kMiB + 100, 2);
  Write("base/5/16385", RandomContent(33 * kMiB + 5000, 3));
  Write("base/5/16386", RandomContent(32 * kMiB, 4));
  Write("base/5/16387", Bytes(100'000));
  List();
  for (size_t threads : {1u, 3u}) {
    ASSERT_NO_FATAL_FAILURE(Backup(threads));
    EXPECT_EQ(copied_.stream_count, listing_.files.size() + listing_.directories.size() - 1);
    EXPECT_EQ(copied_.stream_bytes, listing_.bytes_total);
    Result<RestoredFiles> restored = Restore(fmt::format("target{}", threads), threads);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    EXPECT_EQ(restored->files, listing_.files.size());
    EXPECT_EQ(restored->bytes, listing_.bytes_total);
    ASSERT_NO_FATAL_FAILURE(ExpectSameTree(ReadTree(target_), ReadTree(source_)));
  }
}

TEST_F(CopyFilesTest, ThousandsOfSmallFilesNeedFewOpenFiles) {
  for (uint64_t i = 0; i < 1500; ++i) {
    Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(1 + i * 7 % 9000, i));
  }
  List();
  ASSERT_NO_FATAL_FAILURE(Backup());
  struct rlimit usual {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  struct rlimit few = usual;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ExpectSameTree(ReadTree(target_), ReadTree(source_));
}

TEST_F(CopyFilesTest, ModesAndEmptyDirectoriesComeBack) {
  CHECK(MakeDirectories(source_ + "/pg_twophase").ok());
  Write("base/5/20001", AsBytes("read only"), 0400);
  Write("base/5/20002", AsBytes("for the group"), 0640);
  ASSERT_EQ(::chmod((source_ + "/base").c_str(), 0750), 0);
  List();
  ASSERT_NO_FATAL_FAILURE(Backup());
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ExpectSameTree(ReadTree(target_), ReadTree(source_));
}

TEST_F(CopyFilesTest, TablespacesComeBackWhereTheyAreToGo) {
  std::string location = scratch_.path() + "/fast";
  std::string inside = fmt::format("pg_tblspc/{}/{}/5", kTablespaceOid, kVersionDirectory);
  CHECK(MakeDirectories(location).ok());
  CHECK(MakeDirectories(source_ + "/pg_tblspc").ok());
  std::filesystem::create_symlink(location,
                                  fmt::format("{}/pg_tblspc/{}", source_, kTablespaceOid));
  CHECK(MakeDirectories(source_ + "/" + inside).ok());
  Write(inside + "/20001", RandomContent(50'000, 1));
  Write("base/5/20001", RandomContent(50'000, 2));
  List();
  ASSERT_EQ(listing_.tablespaces.size(), 1u);
  ASSERT_NO_FATAL_FAILURE(Backup());
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ExpectSameTree(ReadTree(target_), ReadTree(source_));
  std::string link = fmt::format("{}/pg_tblspc/{}", target_, kTablespaceOid);
  EXPECT_EQ(std::filesystem::read_symlink(link), fmt::format("{}.ts/{}", target_, kTablespaceOid));
}

TEST_F(CopyFilesTest, ConfigurationFromOutsideLandsBesideTheDataDirectory) {
  Write("base/5/20001", RandomContent(50'000, 2));
  for (uint64_t size : {0u, 100u, 9000u, 500'000u}) {
    postgres::ExternalFile file;
    file.relative = fmt::format("etc/postgresql/15/main/conf.d/{}.conf", size);
    file.path = "/" + file.relative;
    file.content = RandomContent(size, size);
    file.mode = size == 100 ? 0440 : 0644;
    external_.push_back(file);
  }
  List();
  ASSERT_NO_FATAL_FAILURE(Backup());
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(restored->config_files.size(), external_.size());
  ExpectSameTree(ReadTree(target_), ReadTree(source_));
  Tree config = ReadTree(target_ + ".config");
  EXPECT_EQ(config.files.size(), external_.size());
  for (const postgres::ExternalFile& file : external_) {
    EXPECT_EQ(config.files[file.relative], file.content);
    EXPECT_EQ(config.modes[file.relative], file.mode);
  }
}

TEST_F(CopyFilesTest, WhatChangesBetweenListingAndReadingIsTakenAsItIsFound) {
  for (int i = 1; i <= 8; ++i) {
    Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(20'000, i));
  }
  Write("base/5/30001", RandomContent(40 * kMiB, 11));
  Write("base/5/30002", RandomContent(40 * kMiB, 12));
  Write("base/5/30003", RandomContent(10'000, 13));
  List();
  Tree expected = ReadTree(source_);
  auto vanish = [&](const std::string& path) {
    std::filesystem::remove(source_ + "/" + path);
    expected.files.erase(path);
    expected.modes.erase(path);
  };
  auto cut = [&](const std::string& path, uint64_t size) {
    std::filesystem::resize_file(source_ + "/" + path, size);
    expected.files[path].resize(size);
  };
  vanish("base/5/20001");
  vanish("base/5/20005");
  vanish("base/5/30002");
  cut("base/5/20002", 8192);
  cut("base/5/20003", 0);
  cut("base/5/20006", 5);
  // Cut where more should follow, the last unit is whole: the rest of it reads as zeros.
  cut("base/5/30001", 5 * kMiB + 100);
  expected.files["base/5/30001"].resize(5 * kMiB + 8192);
  // What was appended later is WAL's to bring.
  std::filesystem::resize_file(source_ + "/base/5/30003", 90'000);
  ASSERT_NO_FATAL_FAILURE(Backup());
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ExpectSameTree(ReadTree(target_), expected);
}

TEST_F(CopyFilesTest, NoDamagedOrMissingPackIsRestored) {
  Write("base/5/20001", RandomContent(300'000, 1));
  Write("base/5/20002", Bytes(300'000, 'x'));
  WriteSparse("base/5/20003", 2 * kMiB, 3);
  List();
  ASSERT_NO_FATAL_FAILURE(Backup());
  ASSERT_TRUE(Restore("whole").ok());
  std::vector<std::string> packs = PackNames();
  EXPECT_EQ(packs.size(), copied_.packs.size());
  ASSERT_GE(packs.size(), 3u) << "data, leaves and stream lists";
  std::mt19937_64 generator(7);
  int round = 0;
  for (const std::string& name : packs) {
    const Bytes whole = repository::Content(*storage_, name);
    for (int i = 0; i < 10; ++i) {
      Bytes changed = whole;
      size_t at = repository::kSealedHeaderBytes +
                  generator() % (whole.size() - repository::kSealedHeaderBytes);
      changed[at] ^= static_cast<uint8_t>(1 + generator() % 255);
      repository::Replace(*storage_, name, changed);
      Result<RestoredFiles> restored = Restore(fmt::format("damaged{}", round++));
      ASSERT_FALSE(restored.ok()) << name << " byte " << at;
      EXPECT_EQ(restored.code(), Code::kDamaged);
    }
    ASSERT_TRUE(storage_->Delete(name).ok());
    EXPECT_EQ(Restore(fmt::format("missing{}", round++)).code(), Code::kNotFound);
    ASSERT_TRUE(storage_->PutIfAbsent(name, whole).ok());
  }
  EXPECT_TRUE(Restore("healed").ok());
}

TEST_F(CopyFilesTest, AStorageThatFailsFailsTheCopy) {
  for (uint64_t i = 0; i < 4; ++i) {
    Write(fmt::format("base/5/{}", 20'000 + i), RandomContent(20 * kMiB, i));
  }
  List();
  storage_->Add({.request = storage::Request::kPut,
                 .name_contains = "packs/",
                 .nth = 2,
                 .times = UINT64_MAX / 2,
                 .code = Code::kNoSpace});
  Result<CopyResult> copied = Copy();
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.code(), Code::kNoSpace);
}

TEST_F(CopyFilesTest, WhatWatchesRunsOnTheCallersThreadWhileOthersCopyAndItsErrorStopsThem) {
  // More than may wait to be stored, so that copying goes on until the hook lets it.
  for (uint64_t i = 0; i < 4; ++i) {
    Write(fmt::format("base/5/{}", 16384 + i), RandomContent(40 * kMiB, i));
  }
  List();
  std::promise<void> watched;
  std::shared_future<void> was_watched(watched.get_future());
  storage_->Add({.request = storage::Request::kPut,
                 .name_contains = "packs/",
                 .times = UINT64_MAX / 2,
                 .effect = storage::FaultEffect::kRunHook,
                 .hook = [was_watched] { was_watched.wait(); }});
  std::vector<std::thread::id> watchers;
  Result<CopyResult> copied = Copy(2, [&]() -> Status {
    watchers.push_back(std::this_thread::get_id());
    if (watchers.size() == 1) watched.set_value();
    return Error{Code::kConnection, "the server is gone", ""};
  });
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.code(), Code::kConnection);
  EXPECT_EQ(watchers, std::vector{std::this_thread::get_id()});
}

TEST_F(CopyFilesTest, AnEmptyDirectoryIsABackupToo) {
  List();
  ASSERT_NO_FATAL_FAILURE(Backup());
  Result<RestoredFiles> restored = Restore("target");
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ExpectSameTree(ReadTree(target_), ReadTree(source_));
}

}  // namespace
}  // namespace pgcairn::commands
