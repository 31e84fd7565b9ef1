#include "postgres/external_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "util/file.h"

namespace pgcairn::postgres {
namespace {

namespace fs = std::filesystem;

class ExternalConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);
    char name[] = "/tmp/pgcairn-config-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    top_ = name;
    ASSERT_EQ(::chmod(name, 0755), 0);
    etc_ = top_ + "/etc/postgresql/15/main";
    fs::create_directories(etc_ + "/conf.d");
    fs::create_directories(top_ + "/data");
    paths_.data_directory = top_ + "/data";
    paths_.config_file = etc_ + "/postgresql.conf";
    paths_.hba_file = etc_ + "/pg_hba.conf";
    paths_.ident_file = etc_ + "/pg_ident.conf";
    Put(paths_.config_file, "port = 5432\n");
    Put(paths_.hba_file, "local all all peer\n", 0640);
    Put(paths_.ident_file, "");
  }
  void TearDown() override { fs::remove_all(top_); }

  static void Put(const std::string& path, std::string_view content, mode_t mode = 0644) {
    ASSERT_TRUE(WriteFileDurably(path, AsBytes(content), mode).ok());
  }
  ExternalConfig Collect() {
    auto config = CollectExternalConfig(paths_);
    EXPECT_TRUE(config.ok()) << config.error().message;
    return config.ok() ? *config : ExternalConfig();
  }
  static std::vector<std::string> Names(const ExternalConfig& config) {
    std::vector<std::string> names;
    for (const ExternalFile& file : config.files) names.push_back(FileNameOf(file.path));
    return names;
  }
  static bool HasNote(const ExternalConfig& config, std::string_view part) {
    return std::any_of(config.notes.begin(), config.notes.end(), [part](const std::string& note) {
      return note.find(part) != std::string::npos;
    });
  }

  std::string top_;
  std::string etc_;
  ExternalConfigPaths paths_;
};

TEST_F(ExternalConfigTest, DebiansFilesAreTakenWithTheirNeighbours) {
  Put(etc_ + "/start.conf", "auto\n");
  Put(etc_ + "/conf.d/tuning.conf", "work_mem = 8MB\n");
  fs::create_directory(etc_ + "/other");
  Put(etc_ + "/other/far.conf", "x");
  ExternalConfig config = Collect();
  EXPECT_EQ(Names(config), (std::vector<std::string>{"tuning.conf", "pg_hba.conf", "pg_ident.conf",
                                                     "postgresql.conf", "start.conf"}));
  const ExternalFile& hba = config.files[1];
  EXPECT_EQ(hba.path, paths_.hba_file);
  EXPECT_EQ(hba.relative, paths_.hba_file.substr(1));
  EXPECT_EQ(ToString(hba.content), "local all all peer\n");
  EXPECT_EQ(hba.mode, 0640U);
  EXPECT_TRUE(config.notes.empty()) << config.notes[0];
}

TEST_F(ExternalConfigTest, WhatLiesInTheDataDirectoryIsNotExternal) {
  fs::create_directory_symlink(paths_.data_directory, top_ + "/alias");
  for (const char* name : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "extra.conf"}) {
    Put(paths_.data_directory + "/" + name, "x");
  }
  paths_.config_file = paths_.data_directory + "/postgresql.conf";
  paths_.hba_file = top_ + "/alias/pg_hba.conf";
  paths_.ident_file = "";
  paths_.included_files = {paths_.data_directory + "/extra.conf"};
  ExternalConfig config = Collect();
  EXPECT_TRUE(config.files.empty());
  EXPECT_TRUE(config.notes.empty());
}

TEST_F(ExternalConfigTest, ADirectoryWhoseNameOnlyBeginsAlikeIsOutside) {
  fs::create_directory(top_ + "/data-config");
  paths_.included_files = {top_ + "/data-config/extra.conf"};
  Put(paths_.included_files[0], "x");
  ExternalConfig config = Collect();
  EXPECT_EQ(config.files[0].path, paths_.included_files[0]);
}

TEST_F(ExternalConfigTest, IncludedFilesAreTakenOnce) {
  fs::create_directory(top_ + "/shared");
  Put(top_ + "/shared/site.conf", "x");
  paths_.included_files = {top_ + "/shared/site.conf", top_ + "/shared/./site.conf",
                           paths_.config_file};
  ExternalConfig config = Collect();
  EXPECT_EQ(config.files.size(), 4U);
}

TEST_F(ExternalConfigTest, PrivateKeysAreNeverTaken) {
  Put(etc_ + "/server.key", "secret-1");
  Put(etc_ + "/ssl-key.pem", "secret-2", 0600);
  Put(etc_ + "/bundle.pem", "-----BEGIN PRIVATE KEY-----\nsecret-3\n-----END PRIVATE KEY-----\n");
  Put(etc_ + "/server.crt", "-----BEGIN CERTIFICATE-----\n");
  paths_.included_files = {etc_ + "/server.key"};
  ExternalConfig config = Collect();
  for (const ExternalFile& file : config.files) {
    EXPECT_EQ(ToString(file.content).find("secret"), std::string::npos) << file.path;
  }
  EXPECT_EQ(config.files.size(), 4U);
  EXPECT_TRUE(HasNote(config, "server.key"));
  EXPECT_TRUE(HasNote(config, "ssl-key.pem"));
  EXPECT_TRUE(HasNote(config, "bundle.pem"));
}

TEST_F(ExternalConfigTest, WhatIsTooLargeIsNoted) {
  Put(etc_ + "/exact.bin", std::string(kExternalFileSizeMax, 'x'));
  Put(etc_ + "/large.bin", std::string(kExternalFileSizeMax + 1, 'x'));
  ExternalConfig config = Collect();
  EXPECT_EQ(config.files.size(), 4U);
  EXPECT_TRUE(HasNote(config, "large.bin"));
  EXPECT_FALSE(HasNote(config, "exact.bin"));
}

TEST_F(ExternalConfigTest, TheWholeStaysWithinItsBound) {
  for (char name = 'a'; name < 'a' + 18; ++name) {
    Put(etc_ + "/" + name, std::string(kExternalFileSizeMax, name));
  }
  uint64_t total = 0;
  ExternalConfig config = Collect();
  for (const ExternalFile& file : config.files) total += file.content.size();
  EXPECT_LE(total, kExternalConfigSizeMax);
  EXPECT_EQ(config.files.size(), 3U + 15U);
  EXPECT_EQ(config.notes.size(), 3U);
}

TEST_F(ExternalConfigTest, AMissingFileIsNoted) {
  fs::remove(paths_.ident_file);
  ExternalConfig config = Collect();
  EXPECT_EQ(config.files.size(), 2U);
  EXPECT_TRUE(HasNote(config, "pg_ident.conf does not exist"));
}

// Modes do not bind root.
TEST_F(ExternalConfigTest, ANamedFileThatCannotBeReadIsAnErrorAndANeighbourANote) {
  Put(etc_ + "/closed.conf", "x", 0);
  auto collect = [&] {
    const bool root = ::geteuid() == 0;
    if (root) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
    auto config = CollectExternalConfig(paths_);
    if (root) {
      EXPECT_EQ(::seteuid(0), 0);
    }
    return config;
  };
  ASSERT_EQ(::chmod(paths_.hba_file.c_str(), 0644), 0);
  auto noted = collect();
  ASSERT_TRUE(noted.ok()) << noted.error().message;
  EXPECT_TRUE(HasNote(*noted, "closed.conf"));
  ASSERT_EQ(::chmod(paths_.hba_file.c_str(), 0), 0);
  auto refused = collect();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kPermission);
  EXPECT_NE(refused.error().message.find(paths_.hba_file), std::string::npos);
}

// Its neighbours are the machine's, shadow passwords included.
TEST_F(ExternalConfigTest, OfATopDirectoryOnlyNamedFilesAreTaken) {
  paths_.config_file = "/etc/hostname";
  paths_.hba_file = "";
  paths_.ident_file = "";
  ExternalConfig config = Collect();
  EXPECT_EQ(Names(config), (std::vector<std::string>{"hostname"}));
}

}  // namespace
}  // namespace pgcairn::postgres
