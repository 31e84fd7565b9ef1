#include "commands/backup_manifest.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "postgres/tablespace_map.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::commands {

void AddSetting(format::Manifest& manifest, const char* name, std::string value) {
  format::Setting* setting = manifest.add_settings();
  setting->set_name(name);
  setting->set_value(std::move(value));
}

void DescribeServer(const postgres::ServerFacts& facts, const std::string& data_directory,
                    format::Manifest& manifest) {
  manifest.set_system_identifier(facts.system_identifier.value);
  manifest.set_server_version_num(static_cast<uint32_t>(facts.version_num));
  manifest.set_wal_segment_size(facts.wal_segment_size);
  manifest.set_block_size(facts.block_size);
  manifest.set_relation_segment_pages(facts.segment_size_pages);
  manifest.set_data_checksums(facts.data_checksums);
  manifest.set_data_directory(data_directory);
  manifest.set_config_file(facts.config_file);
  manifest.set_hba_file(facts.hba_file);
  manifest.set_ident_file(facts.ident_file);
  struct stat info {};
  bool known = ::stat(data_directory.c_str(), &info) == 0;
  manifest.set_data_directory_mode(known ? info.st_mode & 0777 : 0700);
  for (const postgres::Database& database : facts.databases) {
    format::Database* added = manifest.add_databases();
    added->set_oid(database.oid);
    added->set_name(database.name);
  }
  auto set = [&](const char* name, std::string value) {
    AddSetting(manifest, name, std::move(value));
  };
  set("max_connections", std::to_string(facts.limits.max_connections));
  set("max_worker_processes", std::to_string(facts.limits.max_worker_processes));
  set("max_wal_senders", std::to_string(facts.limits.max_wal_senders));
  set("max_prepared_transactions", std::to_string(facts.limits.max_prepared_transactions));
  set("max_locks_per_transaction", std::to_string(facts.limits.max_locks_per_transaction));
  set("shared_preload_libraries", facts.shared_preload_libraries);
  set("wal_level", facts.wal_level);
  set("archive_timeout", std::to_string(facts.archive_timeout_s));
  set("server_encoding", facts.server_encoding);
}

void DescribeTablespaces(const postgres::ServerFacts& facts,
                         const postgres::DataDirectoryListing& listing,
                         format::Manifest& manifest) {
  for (const postgres::TablespaceLink& link : listing.tablespaces) {
    format::Tablespace* added = manifest.add_tablespaces();
    added->set_oid(link.oid);
    added->set_location(link.location);
    for (const postgres::Tablespace& known : facts.tablespaces) {
      if (known.oid == link.oid) added->set_name(known.name);
    }
  }
}

Result<std::string> AbsoluteTablespaceMap(const postgres::DataDirectoryListing& listing,
                                          std::string server_map, int server_major) {
  std::vector<postgres::TablespaceMapEntry> entries;
  bool as_linked = true;
  for (const postgres::TablespaceLink& link : listing.tablespaces) {
    as_linked = as_linked && link.location == link.link_target;
    entries.push_back({link.oid, link.location});
  }
  if (as_linked) return server_map;
  return postgres::WriteTablespaceMap(entries, server_major);
}

void DescribeRun(const RunFacts& run, format::Manifest& manifest) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  manifest.set_backup_id(run.backup_id);
  manifest.set_cluster_name(run.cluster);
  manifest.set_method(run.method);
  manifest.set_started_at_us(run.started.unix_us);
  manifest.set_program_version("0.1.0");
  manifest.set_host(host);
  if (!run.note.empty()) manifest.set_note(run.note);
}

void DescribeFindings(const sources::PageFindings& findings, format::Manifest& manifest) {
  manifest.set_pages_checked(findings.checked());
  manifest.set_pages_torn(findings.torn());
  manifest.set_bad_page_count(findings.bad_count());
  for (const sources::BadPage& bad : findings.bad_pages()) {
    format::BadPage* added = manifest.add_bad_pages();
    added->set_path(bad.path);
    added->set_block(bad.block);
  }
}

void DescribeCopy(const CopyResult& copied, format::Manifest& manifest) {
  for (const repository::BlobReference& list : copied.stream_lists) {
    repository::ToMessage(list.pack, list.location, manifest.add_stream_lists());
  }
  manifest.set_stream_count(copied.stream_count);
  manifest.set_stream_bytes(copied.stream_bytes);
  uint64_t new_bytes = 0;
  for (const repository::StoredPack& pack : copied.new_packs) new_bytes += pack.length;
  const repository::UnitCounts& units = copied.units;
  const uint64_t data_bytes = units.stored_bytes + units.compacted_bytes;
  manifest.set_new_pack_bytes(new_bytes);
  manifest.set_new_data_bytes(units.stored_bytes);
  manifest.set_compacted_bytes(units.compacted_bytes);
  manifest.set_new_metadata_bytes(new_bytes - data_bytes);
  manifest.set_files_unchanged(copied.files_unchanged);
  manifest.set_files_compared(copied.files_compared);
  manifest.set_pages_read(units.read);
  manifest.set_pages_changed(units.changed);
  manifest.set_pages_stored(units.stored);
  manifest.set_pages_compacted(units.compacted);
  manifest.set_unseen_change_count(copied.unseen_change_count);
  for (const std::string& path : copied.unseen_changes) manifest.add_unseen_changes(path);
}

}  // namespace pgcairn::commands
