#include "config/config_search.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "config/testing/temporary_directory.h"

namespace pgcairn::config {
namespace {

class FindConfigTest : public ::testing::Test {
 protected:
  FindConfigTest() {
    options_.working_directory = directory_.Path("cwd");
    options_.system_directory = directory_.Path("etc");
    directory_.Write("cwd/unrelated", "");
  }

  std::string Found() {
    Result<ConfigPlace> place = FindConfig(options_);
    if (!place.ok()) return "error: " + place.error().message;
    return place->config_file;
  }
  std::string Base() { return FindConfig(options_)->base_directory; }

  testing::TemporaryDirectory directory_;
  LoadOptions options_;
};

TEST_F(FindConfigTest, WithoutAnyFileTheBaseIsTheWorkingDirectory) {
  EXPECT_EQ(Found(), "");
  EXPECT_EQ(Base(), directory_.Path("cwd"));
}

TEST_F(FindConfigTest, TheFirstOfTheSearchOrderWins) {
  std::string in_system_config = directory_.Write("etc/config/backup.config.json", "{}");
  EXPECT_EQ(Found(), in_system_config);
  EXPECT_EQ(Base(), directory_.Path("etc"));
  std::string in_system = directory_.Write("etc/backup.config.json", "{}");
  EXPECT_EQ(Found(), in_system);
  EXPECT_EQ(Base(), directory_.Path("etc"));
  std::string local = directory_.Write("cwd/config/backup.config.json", "{}");
  EXPECT_EQ(Found(), local);
  EXPECT_EQ(Base(), directory_.Path("cwd"));
  std::string by_variable = directory_.Write("a/backup.config.json", "{}");
  options_.environment["PGCAIRN_CONFIG"] = directory_.Path("a");
  EXPECT_EQ(Found(), by_variable);
  EXPECT_EQ(Base(), directory_.Path("a"));
  std::string by_option = directory_.Write("b/config/other.json", "{}");
  options_.config_path = by_option;
  EXPECT_EQ(Found(), by_option);
  EXPECT_EQ(Base(), directory_.Path("b"));
}

TEST_F(FindConfigTest, AnEmptyVariableCountsAsNotSet) {
  options_.environment["PGCAIRN_CONFIG"] = "";
  EXPECT_EQ(Found(), "");
}

TEST_F(FindConfigTest, OptionNamesFileFolderOrFolderAbove) {
  std::string file = directory_.Write("b/config/backup.config.json", "{}");
  for (const char* path : {"b/config/backup.config.json", "b/config", "b/config/", "b"}) {
    options_.config_path = directory_.Path(path);
    EXPECT_EQ(Found(), file) << path;
    EXPECT_EQ(Base(), directory_.Path("b")) << path;
  }
  options_.config_path = "../b";
  EXPECT_EQ(Found(), file);
}

TEST_F(FindConfigTest, ANamedPlaceWithoutConfigurationIsAnError) {
  directory_.Write("cwd/config/backup.config.json", "{}");
  options_.config_path = "../absent";
  Result<ConfigPlace> place = FindConfig(options_);
  ASSERT_FALSE(place.ok());
  // Never kNotFound: `wal fetch` reports that as "proven absent".
  EXPECT_EQ(place.code(), Code::kUsage);
  EXPECT_EQ(place.error().message,
            "--config names " + directory_.Path("absent") + ", which does not exist");
  EXPECT_FALSE(place.error().hint.empty());
  options_.config_path.reset();
  options_.environment["PGCAIRN_CONFIG"] = directory_.Path("cwd/config/..");
  EXPECT_EQ(Found(), directory_.Path("cwd/config/backup.config.json"));
  directory_.Write("empty/x", "");
  options_.environment["PGCAIRN_CONFIG"] = directory_.Path("empty");
  EXPECT_EQ(Found(), "error: PGCAIRN_CONFIG names the folder " + directory_.Path("empty") +
                         ", which holds neither backup.config.json nor config/backup.config.json");
}

TEST_F(FindConfigTest, ABrokenLinkIsNotPassedOver) {
  directory_.Write("etc/backup.config.json", "{}");
  directory_.Write("cwd/config/x", "");
  std::string link = directory_.Path("cwd/config/backup.config.json");
  ASSERT_EQ(::symlink("/nonexistent/file", link.c_str()), 0);
  EXPECT_EQ(Found(), link);
}

TEST_F(FindConfigTest, ANewConfigurationGoesWhereItWillBeFound) {
  EXPECT_EQ(PlaceForNewConfig(options_), directory_.Path("cwd/config/backup.config.json"));
  for (const char* named : {"new", "new/config", "new/config/backup.config.json"}) {
    options_.config_path = directory_.Path(named);
    EXPECT_EQ(PlaceForNewConfig(options_), directory_.Path("new/config/backup.config.json"));
  }
  directory_.Write("new/config/backup.config.json", "{}");
  options_.config_path = directory_.Path("new");
  EXPECT_EQ(Found(), PlaceForNewConfig(options_));
  options_.config_path.reset();
  options_.environment["PGCAIRN_CONFIG"] = "elsewhere";
  EXPECT_EQ(PlaceForNewConfig(options_),
            directory_.Path("cwd/elsewhere/config/backup.config.json"));
}

}  // namespace
}  // namespace pgcairn::config
