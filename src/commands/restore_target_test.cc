#include "commands/restore_target.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr char kOrigin[] = "/srv/pg/data";

format::Manifest ManifestWithTablespaces() {
  format::Manifest manifest;
  manifest.set_data_directory(kOrigin);
  manifest.set_data_directory_mode(0700);
  format::Tablespace* fast = manifest.add_tablespaces();
  fast->set_oid(16'400);
  fast->set_name("fast");
  fast->set_location("/mnt/fast/pg");
  format::Tablespace* slow = manifest.add_tablespaces();
  slow->set_oid(16'401);
  slow->set_name("slow");
  slow->set_location("/mnt/slow/pg");
  return manifest;
}

Code CodeOf(const std::string& directory, const std::vector<std::string>& map) {
  Result<RestorePlaces> places = ChoosePlaces(ManifestWithTablespaces(), directory, map);
  return places.ok() ? Code::kFailed : places.code();
}

TEST(ChoosePlaces, TheOriginalPlaceNeedsNoMap) {
  for (const char* directory : {kOrigin, "/srv/pg/data/", "/srv//pg/./data"}) {
    Result<RestorePlaces> places = ChoosePlaces(ManifestWithTablespaces(), directory, {});
    ASSERT_TRUE(places.ok()) << places.error().message;
    EXPECT_EQ(places->data_directory, kOrigin);
    EXPECT_EQ(places->config_directory, "/srv/pg/data.config");
    EXPECT_EQ(places->tablespace_locations.at(16'400), "/mnt/fast/pg");
    EXPECT_FALSE(places->tablespaces_moved);
  }
}

TEST(ChoosePlaces, ATablespaceIsMappedByPlaceNameOrOid) {
  for (const char* old : {"/mnt/fast/pg", "/mnt/fast/pg/", "fast", "16400"}) {
    Result<RestorePlaces> places =
        ChoosePlaces(ManifestWithTablespaces(), "/new/data",
                     {std::string(old) + "=/new/fast/", "slow=/new/slow"});
    ASSERT_TRUE(places.ok()) << old << ": " << places.error().message;
    EXPECT_EQ(places->tablespace_locations.at(16'400), "/new/fast");
    EXPECT_EQ(places->tablespace_locations.at(16'401), "/new/slow");
    EXPECT_TRUE(places->tablespaces_moved);
  }
}

TEST(ChoosePlaces, ElsewhereEveryTablespaceMustBeMapped) {
  Result<RestorePlaces> places =
      ChoosePlaces(ManifestWithTablespaces(), "/new/data", {"fast=/new/fast"});
  ASSERT_FALSE(places.ok());
  EXPECT_EQ(places.code(), Code::kRefused);
  EXPECT_NE(places.error().message.find("slow"), std::string::npos);
  EXPECT_NE(places.error().hint.find("--tablespace-map /mnt/slow/pg="), std::string::npos);
}

// As backups before those that resolve relative links have them: below what directory is unknown.
TEST(ChoosePlaces, ARelativePlaceMustBeMappedEvenAtTheOrigin) {
  format::Manifest manifest = ManifestWithTablespaces();
  manifest.mutable_tablespaces(1)->set_location("../../slow");
  Result<RestorePlaces> places = ChoosePlaces(manifest, kOrigin, {});
  ASSERT_FALSE(places.ok());
  EXPECT_EQ(places.code(), Code::kRefused);
  EXPECT_NE(places.error().hint.find("--tablespace-map ../../slow="), std::string::npos);
  places = ChoosePlaces(manifest, kOrigin, {"../../slow=/srv/slow"});
  ASSERT_TRUE(places.ok()) << places.error().message;
  EXPECT_TRUE(places->tablespaces_moved);
}

TEST(ChoosePlaces, AMapThatCannotBeMeantIsAUsageError) {
  for (const char* map : {"fast", "=/new/fast", "fast=", "fast=relative/place", "other=/new/x",
                          "/mnt/fas=/new/x", "1640=/new/x"}) {
    EXPECT_EQ(CodeOf(kOrigin, {map}), Code::kUsage) << map;
  }
}

TEST(ChoosePlaces, TwoPlacesThatWouldMixAreRefused) {
  EXPECT_EQ(CodeOf("/new/data", {"fast=/new/x", "slow=/new/x/"}), Code::kRefused);
  EXPECT_EQ(CodeOf("/new/data", {"fast=/new/data", "slow=/new/slow"}), Code::kRefused);
  EXPECT_EQ(CodeOf("/new/data", {"fast=/new/data/ts", "slow=/new/slow"}), Code::kRefused);
  EXPECT_EQ(CodeOf("/new/data", {"fast=/new/data2", "slow=/new/slow"}), Code::kFailed)
      << "a place beside it is fine";
}

TEST(ChooseTestPlaces, EverythingLiesBelowTheRoot) {
  RestorePlaces places = ChooseTestPlaces(ManifestWithTablespaces(), "/tmp/trial");
  EXPECT_EQ(places.data_directory, "/tmp/trial/data");
  EXPECT_EQ(places.config_directory, "/tmp/trial/data.config");
  EXPECT_EQ(places.tablespace_locations.at(16'400), "/tmp/trial/tablespaces/16400");
  EXPECT_EQ(places.tablespace_locations.at(16'401), "/tmp/trial/tablespaces/16401");
  EXPECT_TRUE(places.tablespaces_moved);
}

class PreparePlacesTest : public ::testing::Test {
 protected:
  PreparePlacesTest() : places_(ChooseTestPlaces(manifest_, scratch_.path())) {}

  Code Prepare() {
    Status status = PreparePlaces(manifest_, places_, manifest_.stream_bytes());
    if (status.ok()) return Code::kFailed;
    message_ = status.error().message;
    return status.code();
  }
  void Touch(const std::string& path) {
    CHECK(MakeDirectories(DirectoryOf(path)).ok());
    CHECK(WriteFileDurably(path, AsBytes("x")).ok());
  }

  format::Manifest manifest_ = ManifestWithTablespaces();
  storage::ScratchDirectory scratch_;
  RestorePlaces places_;
  std::string message_;
};

TEST_F(PreparePlacesTest, AnAbsentDirectoryIsMadeWithTheManifestsMode) {
  for (mode_t mode : {0700u, 0750u}) {
    manifest_.set_data_directory_mode(mode);
    ASSERT_TRUE(PreparePlaces(manifest_, places_, manifest_.stream_bytes()).ok());
    struct stat info {};
    ASSERT_EQ(::stat(places_.data_directory.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, mode);
  }
}

TEST_F(PreparePlacesTest, AModeThatPostgresqlRefusesBecomesPrivate) {
  manifest_.set_data_directory_mode(0777);
  ASSERT_TRUE(PreparePlaces(manifest_, places_, manifest_.stream_bytes()).ok());
  struct stat info {};
  ASSERT_EQ(::stat(places_.data_directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(PreparePlacesTest, ADataDirectoryWithAnythingInItIsRefused) {
  Touch(places_.data_directory + "/PG_VERSION");
  EXPECT_EQ(Prepare(), Code::kRefused);
  EXPECT_NE(message_.find(places_.data_directory), std::string::npos);
  EXPECT_EQ(message_.find("postmaster.pid"), std::string::npos);
  Touch(places_.data_directory + "/postmaster.pid");
  EXPECT_EQ(Prepare(), Code::kRefused);
  EXPECT_NE(message_.find("postmaster.pid"), std::string::npos);
  EXPECT_TRUE(Exists(places_.data_directory + "/PG_VERSION")) << "nothing is removed";
}

TEST_F(PreparePlacesTest, AHiddenFileCountsToo) {
  Touch(places_.data_directory + "/.hidden");
  EXPECT_EQ(Prepare(), Code::kRefused);
}

TEST_F(PreparePlacesTest, TablespaceAndConfigurationPlacesMustBeEmptyToo) {
  Touch(places_.tablespace_locations.at(16'401) + "/PG_15_202209061/1");
  EXPECT_EQ(Prepare(), Code::kRefused);
  EXPECT_FALSE(Exists(places_.data_directory)) << "nothing was made before all was checked";
  std::filesystem::remove_all(places_.tablespace_locations.at(16'401));
  Touch(places_.config_directory + "/postgresql.conf");
  EXPECT_EQ(Prepare(), Code::kRefused);
}

TEST_F(PreparePlacesTest, AFileInTheWayIsAnError) {
  Touch(places_.data_directory);
  EXPECT_FALSE(PreparePlaces(manifest_, places_, manifest_.stream_bytes()).ok());
}

TEST_F(PreparePlacesTest, AFullFileSystemIsFoundBeforeAByteIsWritten) {
  manifest_.set_stream_bytes(uint64_t{1} << 60);
  EXPECT_EQ(Prepare(), Code::kNoSpace);
  EXPECT_FALSE(Exists(places_.data_directory));
}

}  // namespace
}  // namespace pgcairn::commands
