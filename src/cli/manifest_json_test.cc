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
  const Json details = BackupDetails({manifest, {}, {}, {}});
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

TEST(BackupDetails, ALogicalBackupNamesItsTablesAndWhatItLacks) {
  commands::ShownBackup backup{ManifestOf(format::Manifest::LOGICAL), {}, {}, {}};
  backup.manifest.add_left_out("the table x");
  backup.manifest.set_row_count(7);
  EXPECT_TRUE(BackupDetails(backup)["tables"].is_null());
  format::LogicalTable* table = backup.catalog.emplace().add_tables();
  table->set_schema("s");
  table->set_name("t");
  table->set_rows(7);
  const Json details = BackupDetails(backup);
  EXPECT_EQ(details["tables"].dump(), R"([{"schema":"s","name":"t","rows":7,"bytes":0}])");
  EXPECT_EQ(details["left_out"].dump(), R"(["the table x"])");
  EXPECT_EQ(details["rows"], 7);
  backup.manifest.set_method(format::Manifest::PHYSICAL);
  EXPECT_TRUE(BackupDetails(backup)["left_out"].is_null());
}

TEST(BackupSummary, ABackupOfDefinitionsAloneIsOfATypeOfItsOwn) {
  format::Manifest manifest = ManifestOf(format::Manifest::LOGICAL);
  EXPECT_EQ(BackupSummary(manifest, {})["type"], "full");
  manifest.set_type(format::Manifest::INCREMENTAL);
  EXPECT_EQ(BackupSummary(manifest, {})["type"], "incremental");
  manifest.set_type(format::Manifest::SCHEMA);
  EXPECT_EQ(BackupSummary(manifest, {})["type"], "schema");
}

}  // namespace
}  // namespace pgcairn::cli
