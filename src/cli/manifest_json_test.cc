#include "cli/manifest_json.h"

#include <gtest/gtest.h>

namespace pgcairn::cli {
namespace {

format::Manifest ManifestOf(format::Manifest::Method method) {
  format::Manifest manifest;
  manifest.set_backup_id("20240101_020000-0001");
  manifest.set_method(method);
  manifest.set_type(format::Manifest::FULL);
  manifest.add_databases()->set_name("app");
  return manifest;
}

TEST(BackupSummary, ALogicalBackupHasADatabaseAndNoPlaceInTheLog) {
  format::Manifest manifest = ManifestOf(format::Manifest::LOGICAL);
  const Json details = BackupDetails(manifest, {});
  EXPECT_EQ(details["method"], "logical");
  EXPECT_EQ(details["database"], "app");
  for (const char* key : {"start_lsn", "stop_lsn", "timeline", "data_directory", "backup_label",
                          "data_checksums", "block_size"}) {
    EXPECT_TRUE(details.at(key).is_null()) << key;
  }
  manifest.clear_databases();
  EXPECT_EQ(BackupSummary(manifest, {})["database"], "");
}

TEST(BackupSummary, APhysicalBackupHasAPlaceInTheLogAndNoDatabase) {
  format::Manifest manifest = ManifestOf(format::Manifest::PHYSICAL);
  manifest.set_start_lsn(0x1000028);
  manifest.set_stop_lsn(0x1000100);
  manifest.set_timeline(3);
  const Json summary = BackupSummary(manifest, {});
  EXPECT_EQ(summary["method"], "physical");
  EXPECT_TRUE(summary["database"].is_null());
  EXPECT_EQ(summary["start_lsn"], "0/1000028");
  EXPECT_EQ(summary["stop_lsn"], "0/1000100");
  EXPECT_EQ(summary["timeline"], 3);
}

}  // namespace
}  // namespace pgcairn::cli
