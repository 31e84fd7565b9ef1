#include "cli/manifest_json.h"

#include "postgres/lsn.h"
#include "util/bytes.h"
#include "util/clock.h"

namespace pgcairn::cli {
namespace {

bool IsLogical(const format::Manifest& manifest) {
  return manifest.method() == format::Manifest::LOGICAL;
}

// Null where a logical backup has nothing: 0/0 is a place in a log.
Json LsnOf(const format::Manifest& manifest, uint64_t lsn) {
  return IsLogical(manifest) ? Json(nullptr) : Json(postgres::Lsn{lsn}.ToText());
}
template <typename Value>
Json PhysicalOnly(const format::Manifest& manifest, const Value& value) {
  return IsLogical(manifest) ? Json(nullptr) : Json(value);
}

std::string TimeText(int64_t us) { return Timestamp{us}.ToIso(); }

Json Tablespaces(const format::Manifest& manifest) {
  Json list = Json::array();
  for (const format::Tablespace& tablespace : manifest.tablespaces()) {
    list.push_back({{"oid", tablespace.oid()},
                    {"name", tablespace.name()},
                    {"location", tablespace.location()}});
  }
  return list;
}

Json Databases(const format::Manifest& manifest) {
  Json list = Json::array();
  for (const format::Database& database : manifest.databases()) {
    list.push_back({{"oid", database.oid()}, {"name", database.name()}});
  }
  return list;
}

Json Settings(const format::Manifest& manifest) {
  Json settings = Json::object();
  for (const format::Setting& setting : manifest.settings()) {
    settings[setting.name()] = setting.value();
  }
  return settings;
}

Json Wal(const format::Manifest& manifest) {
  Json list = Json::array();
  for (const format::WalProof& proof : manifest.wal()) {
    list.push_back({{"segment", proof.name()},
                    {"content_identity", ToHex(AsBytes(proof.content_identity()))}});
  }
  return list;
}

Json BadPages(const format::Manifest& manifest) {
  Json list = Json::array();
  for (const format::BadPage& page : manifest.bad_pages()) {
    list.push_back({{"path", page.path()}, {"block", page.block()}});
  }
  return list;
}

// Null where there are no rows, or nobody knows of what.
void AddLogical(const commands::ShownBackup& backup, Json& json) {
  const format::Manifest& manifest = backup.manifest;
  for (const char* key :
       {"tables", "rows", "large_objects", "sequences", "extensions", "left_out"}) {
    json[key] = nullptr;
  }
  if (!IsLogical(manifest)) return;
  json["left_out"] =
      std::vector<std::string>(manifest.left_out().begin(), manifest.left_out().end());
  if (!backup.catalog) return;
  const format::LogicalCatalog& catalog = *backup.catalog;
  json["tables"] = Json::array();
  for (const format::LogicalTable& table : catalog.tables()) {
    json["tables"].push_back({{"schema", table.schema()},
                              {"name", table.name()},
                              {"rows", table.rows()},
                              {"bytes", table.bytes()}});
  }
  json["rows"] = manifest.row_count();
  json["large_objects"] = catalog.large_objects_size();
  json["sequences"] = catalog.sequences_size();
  json["extensions"] = Json::array();
  for (const format::LogicalExtension& extension : catalog.extensions()) {
    json["extensions"].push_back({{"name", extension.name()}, {"version", extension.version()}});
  }
}

}  // namespace

std::string TypeOf(const format::Manifest& manifest) {
  if (manifest.type() == format::Manifest::SCHEMA) return "schema";
  return manifest.type() == format::Manifest::FULL ? "full" : "incremental";
}

std::string DatabaseOf(const format::Manifest& manifest) {
  return manifest.databases_size() > 0 ? manifest.databases(0).name() : "";
}

Json BackupSummary(const format::Manifest& manifest, const commands::BackupRemarks& remarks) {
  return {
      {"backup_id", manifest.backup_id()},
      {"type", TypeOf(manifest)},
      {"method", IsLogical(manifest) ? "logical" : "physical"},
      {"database", IsLogical(manifest) ? Json(DatabaseOf(manifest)) : Json(nullptr)},
      {"started_at", TimeText(manifest.started_at_us())},
      {"stopped_at", TimeText(manifest.stop_time_us())},
      {"finished_at", TimeText(manifest.finished_at_us())},
      {"start_lsn", LsnOf(manifest, manifest.start_lsn())},
      {"stop_lsn", LsnOf(manifest, manifest.stop_lsn())},
      {"timeline", PhysicalOnly(manifest, manifest.timeline())},
      {"server_version_num", manifest.server_version_num()},
      {"system_identifier", std::to_string(manifest.system_identifier())},
      {"files", manifest.stream_count()},
      {"bytes", manifest.stream_bytes()},
      {"stored_bytes", manifest.pack_bytes()},
      {"new_stored_bytes", manifest.new_pack_bytes()},
      {"good", manifest.bad_page_count() == 0},
      {"note", remarks.note},
      {"pinned", remarks.pinned ? Json(*remarks.pinned) : Json(nullptr)},
      {"verified_at", remarks.verified_at ? Json(remarks.verified_at->ToIso()) : Json(nullptr)}};
}

Json BackupDetails(const commands::ShownBackup& backup) {
  const format::Manifest& manifest = backup.manifest;
  Json json = BackupSummary(manifest, backup.remarks);
  json["cluster"] = manifest.cluster_name();
  json["host"] = manifest.host();
  json["program_version"] = manifest.program_version();
  json["predecessor"] = manifest.predecessor().backup_id();
  json["catalog_version"] = PhysicalOnly(manifest, manifest.catalog_version());
  json["data_checksums"] = PhysicalOnly(manifest, manifest.data_checksums());
  json["block_size"] = PhysicalOnly(manifest, manifest.block_size());
  json["wal_segment_size"] = manifest.wal_segment_size();
  json["relation_segment_pages"] = PhysicalOnly(manifest, manifest.relation_segment_pages());
  json["data_directory"] = PhysicalOnly(manifest, manifest.data_directory());
  json["config_file"] = PhysicalOnly(manifest, manifest.config_file());
  json["hba_file"] = PhysicalOnly(manifest, manifest.hba_file());
  json["ident_file"] = PhysicalOnly(manifest, manifest.ident_file());
  json["tablespaces"] = Tablespaces(manifest);
  json["databases"] = Databases(manifest);
  json["settings"] = Settings(manifest);
  json["notes"] = std::vector<std::string>(manifest.notes().begin(), manifest.notes().end());
  json["wal"] = Wal(manifest);
  json["packs"] = manifest.pack_count();
  json["pages_checked"] = manifest.pages_checked();
  json["pages_torn"] = manifest.pages_torn();
  json["bad_page_count"] = manifest.bad_page_count();
  json["bad_pages"] = BadPages(manifest);
  json["backup_label"] = PhysicalOnly(manifest, manifest.backup_label());
  json["tablespace_map"] = PhysicalOnly(manifest, manifest.tablespace_map());
  AddLogical(backup, json);
  return json;
}

Json WindowsJson(const commands::ClusterWindows& windows) {
  Json list = Json::array();
  for (const commands::RecoveryWindow& window : windows.windows) {
    list.push_back({{"timeline", window.timeline.value},
                    {"system_identifier", std::to_string(window.system_identifier)},
                    {"from", window.from.ToIso()},
                    {"from_lsn", window.from_lsn.ToText()},
                    {"to", window.to ? Json(window.to->ToIso()) : Json(nullptr)},
                    {"to_lsn", window.to_lsn.ToText()},
                    {"backups", window.backups}});
  }
  Json gaps = Json::array();
  for (const commands::WalGap& gap : windows.gaps) {
    gaps.push_back({{"timeline", gap.timeline.value},
                    {"first_missing", gap.first_missing},
                    {"last_missing", gap.last_missing},
                    {"segments", gap.segments}});
  }
  return {{"windows", list}, {"gaps", gaps}, {"lost_histories", windows.lost_histories}};
}

}  // namespace pgcairn::cli
