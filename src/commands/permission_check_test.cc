#include "commands/permission_check.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "commands/os_user.h"
#include "storage/testing/scratch_directory.h"

namespace pgcairn::commands {
namespace {

class PermissionCheckTest : public ::testing::Test {
 protected:
  PermissionCheckTest() {
    settings_.storage.local_path = Folder("repository");
    settings_.storage.log_path = Folder("logs");
    settings_.config_file = File("backup.config.json");
    settings_.env_file = File("env");
    settings_.encryption.key_file = File("host.key");
  }

  std::string Folder(const std::string& name) {
    std::string path = scratch_.path() + "/" + name;
    CHECK(::mkdir(path.c_str(), 0700) == 0);
    return path;
  }
  std::string File(const std::string& name) {
    std::string path = scratch_.path() + "/" + name;
    std::ofstream(path) << "text\n";
    SetMode(path, 0600);
    return path;
  }
  static void SetMode(const std::string& path, mode_t mode) {
    CHECK(::chmod(path.c_str(), mode) == 0);
  }
  // The only finding's severity; it must name the path and what to do.
  Severity SeverityWith(const std::string& path, mode_t mode) {
    struct stat info {};
    CHECK(::stat(path.c_str(), &info) == 0);
    SetMode(path, mode);
    std::vector<Finding> findings = CheckPermissions(settings_);
    SetMode(path, info.st_mode & 07777);
    EXPECT_EQ(findings.size(), 1U);
    if (findings[0].severity != Severity::kOk) {
      EXPECT_NE(findings[0].message.find(path), std::string::npos);
      EXPECT_NE(findings[0].remedy.find("chmod"), std::string::npos);
      EXPECT_NE(findings[0].remedy.find(path), std::string::npos);
    }
    return findings[0].severity;
  }

  storage::ScratchDirectory scratch_;
  config::Settings settings_;
};

TEST_F(PermissionCheckTest, WhatOnlyTheOwnerCanUseIsFine) {
  EXPECT_EQ(SeverityWith(settings_.config_file, 0600), Severity::kOk);
  EXPECT_EQ(SeverityWith(settings_.config_file, 0400), Severity::kOk);
  EXPECT_EQ(SeverityWith(settings_.storage.local_path, 0711), Severity::kOk);
}

TEST_F(PermissionCheckTest, WhatOthersCanReadIsAWarningAndAKeyAnError) {
  for (const std::string& path : {settings_.config_file, settings_.env_file}) {
    EXPECT_EQ(SeverityWith(path, 0640), Severity::kWarning) << path;
    EXPECT_EQ(SeverityWith(path, 0604), Severity::kWarning) << path;
  }
  for (const std::string& path : {settings_.storage.local_path, settings_.storage.log_path}) {
    EXPECT_EQ(SeverityWith(path, 0755), Severity::kWarning) << path;
    EXPECT_EQ(SeverityWith(path, 0750), Severity::kWarning) << path;
  }
  EXPECT_EQ(SeverityWith(settings_.encryption.key_file, 0640), Severity::kError);
  EXPECT_EQ(SeverityWith(settings_.encryption.key_file, 0604), Severity::kError);
}

TEST_F(PermissionCheckTest, WhatOthersCanWriteToIsAnError) {
  for (const std::string& path :
       {settings_.config_file, settings_.env_file, settings_.encryption.key_file}) {
    EXPECT_EQ(SeverityWith(path, 0620), Severity::kError) << path;
    EXPECT_EQ(SeverityWith(path, 0602), Severity::kError) << path;
  }
  for (const std::string& path : {settings_.storage.local_path, settings_.storage.log_path}) {
    EXPECT_EQ(SeverityWith(path, 0770), Severity::kWarning) << "a group can be let in on purpose";
    EXPECT_EQ(SeverityWith(path, 01777), Severity::kError) << path;
  }
}

TEST_F(PermissionCheckTest, AFolderAboveThatOthersCanChangeIsOneWarning) {
  EXPECT_EQ(SeverityWith(scratch_.path(), 0777), Severity::kWarning);
  EXPECT_EQ(SeverityWith(scratch_.path(), 01777), Severity::kOk);
  EXPECT_EQ(SeverityWith(scratch_.path(), 0755), Severity::kOk);
}

TEST_F(PermissionCheckTest, WhatIsNotThereIsNoFinding) {
  settings_.encryption.key_file += ".missing";
  settings_.storage.log_path += ".missing";
  EXPECT_EQ(SeverityWith(settings_.config_file, 0600), Severity::kOk);
}

TEST_F(PermissionCheckTest, TheOwnerOfTheDataDirectoryCanUseAllThatArchivingNeeds) {
  std::vector<Finding> findings = CheckArchiverAccess(settings_, Folder("data"));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::kOk);
  EXPECT_NE(findings[0].message.find(UserOf(::geteuid()).name), std::string::npos);
}

TEST_F(PermissionCheckTest, ATablespaceThatIsNotThereIsAnError) {
  postgres::ServerFacts facts;
  facts.tablespaces = {{16384, "here", scratch_.path()}, {16385, "inside", "pg_tblspc/16385"}};
  EXPECT_TRUE(CheckTablespaceAccess(facts).empty());
  facts.tablespaces.push_back({16386, "away", scratch_.path() + "/away"});
  std::vector<Finding> findings = CheckTablespaceAccess(facts);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::kError);
  EXPECT_NE(findings[0].message.find("/away"), std::string::npos);
}

TEST_F(PermissionCheckTest, TheFirstClassThatAUserBelongsToDecides) {
  struct stat info {};
  std::string path = settings_.config_file;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  SetMode(scratch_.path(), 0711);
  const uid_t stranger = info.st_uid + 4321;
  const OsUser owner{info.st_uid, "owner", {}};
  const OsUser member{stranger, "member", {info.st_gid}};
  const OsUser other{stranger, "other", {}};
  SetMode(path, 0640);
  EXPECT_TRUE(MayUse(owner, path, R_OK | W_OK));
  EXPECT_TRUE(MayUse(member, path, R_OK));
  EXPECT_FALSE(MayUse(member, path, W_OK));
  EXPECT_FALSE(MayUse(other, path, R_OK));
  SetMode(path, 0604);
  EXPECT_FALSE(MayUse(member, path, R_OK));
  EXPECT_TRUE(MayUse(other, path, R_OK));
  // A closed folder above closes all below.
  SetMode(scratch_.path(), 0700);
  EXPECT_FALSE(MayUse(other, path, R_OK));
  EXPECT_FALSE(MayUse(owner, path + ".missing", R_OK));
}

}  // namespace
}  // namespace pgcairn::commands
