#include "commands/logical_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/backup_manifest.h"
#include "commands/backup_run.h"
#include "commands/database_streams.h"
#include "commands/newest_memory.h"
#include "commands/server_check.h"
#include "commands/store_lists.h"
#include "commands/verify_logical.h"
#include "repository/compaction/compaction.h"
#include "repository/history_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/manifest/reference_list.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

constexpr size_t kUploadThreads = 2;
constexpr size_t kPacksInFlight = 2;

struct Run : BackupRun {
  const BackupOptions& options;
  postgres::Connection connection;
  postgres::DatabaseFacts facts;
  DumpPrograms programs;
};

Result<DumpPrograms> FindPrograms(const config::Settings& settings, int server_major) {
  DumpPrograms programs;
  ASSIGN_OR_RETURN(programs.pg_dump,
                   postgres::FindClientProgram("pg_dump", server_major, settings.cluster.bin_dir));
  ASSIGN_OR_RETURN(programs.pg_dumpall, postgres::FindClientProgram("pg_dumpall", server_major,
                                                                    settings.cluster.bin_dir));
  return programs;
}

Result<Run> Prepare(const config::Settings& settings, const BackupOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(postgres::Connection connection, Connect(settings));
  ASSIGN_OR_RETURN(postgres::DatabaseFacts facts, postgres::ReadDatabaseFacts(connection));
  RETURN_IF_ERROR(repository::RequireSystem(*opened.cluster, facts.system_identifier.value));
  ASSIGN_OR_RETURN(DumpPrograms programs, FindPrograms(settings, facts.major));
  return Run{{settings, options.test, std::move(opened)},
             options,
             std::move(connection),
             std::move(facts),
             std::move(programs)};
}

Result<BackupBase> Begin(Run& run) {
  std::optional<BaseWanted> wanted;
  if (run.options.incremental) {
    wanted.emplace(BaseWanted{run.facts.system_identifier.value, format::Manifest::LOGICAL,
                              run.facts.database});
  }
  return BeginRun(run, wanted, std::nullopt);
}

// One after the other: when a log-in fails, none is tried again, for services ban addresses for it.
Result<std::vector<postgres::Connection>> OpenWorkers(const Run& run) {
  const int count = std::clamp(run.facts.free_connections / 4, 1,
                               static_cast<int>(run.settings.performance.jobs));
  std::vector<postgres::Connection> workers;
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(postgres::Connection worker, Connect(run.settings));
    RETURN_IF_ERROR(worker.ExpectManyRows());
    workers.push_back(std::move(worker));
  }
  return workers;
}

// What will change is not known yet: as much as before.
repository::PacksToEmpty ChooseWhatToEmpty(const Run& run, BackupBase& base) {
  if (!base.manifest) return {};
  repository::PacksToEmpty packs = repository::ChoosePacksToEmpty(
      base.map.PackUses(), static_cast<double>(run.settings.compaction.live_share_min) / 100,
      base.manifest->new_data_bytes());
  base.map.MarkToEmpty(packs);
  return packs;
}

// A moment of the database, and its definitions.
struct Moment {
  sources::SnapshotSession snapshot;
  sources::DatabaseCatalog catalog;
  size_t documents = 0;  // number of the first
};

constexpr size_t kDocumentCount = 3;

DatabaseToCopy ToCopy(const Run& run, const sources::SnapshotSession& snapshot,
                      const sources::DatabaseCatalog& catalog) {
  return {run.facts, run.programs, snapshot, catalog, !run.options.schema_only};
}

Result<size_t> CopyDocuments(Run& run, StreamCopiers& copiers,
                             std::vector<postgres::Connection>& workers,
                             const sources::SnapshotSession& snapshot,
                             const sources::DatabaseCatalog& catalog) {
  constexpr int kLockWaitSeconds = 2;
  const std::vector<StreamSource> documents =
      DocumentsOf(ToCopy(run, snapshot, catalog), kLockWaitSeconds);
  CHECK(documents.size() == kDocumentCount);
  return copiers.Copy(documents, workers, run.connection);
}

// pg_dump is a session of its own and needs locks of its own. Who waits for one of ours keeps it
// waiting; then all locks are given up, he goes first, and a new moment is taken.
Result<Moment> TakeMoment(Run& run, StreamCopiers& copiers,
                          std::vector<postgres::Connection>& workers) {
  const auto wait_s = static_cast<int>(run.settings.cluster.lock_timeout);
  const double deadline = MonotonicSeconds() + wait_s;
  for (;;) {
    ASSIGN_OR_RETURN(sources::SnapshotSession snapshot,
                     sources::SnapshotSession::Begin(
                         run.connection, wait_s,
                         static_cast<uint64_t>(run.settings.performance.one_scan_gib) << 30));
    for (postgres::Connection& worker : workers) RETURN_IF_ERROR(snapshot.Join(worker));
    ASSIGN_OR_RETURN(sources::DatabaseCatalog catalog,
                     sources::ReadDatabaseCatalog(run.connection));
    Result<size_t> documents = CopyDocuments(run, copiers, workers, snapshot, catalog);
    if (documents.ok()) return Moment{std::move(snapshot), std::move(catalog), *documents};
    Result<bool> waiting = snapshot.KeepsSomebodyWaiting();
    if (!waiting.ok() || !*waiting) return documents.error();
    if (MonotonicSeconds() > deadline) {
      return Error{Code::kTimeout,
                   fmt::format("for {} s somebody always waited for a lock on a table that the "
                               "backup reads: {}",
                               wait_s, documents.error().message),
                   "back up when fewer tables are being altered or emptied; "
                   "cluster.lock_timeout allows more time"};
    }
    LogInfo("somebody waits for a lock of this backup: it begins anew");
    for (postgres::Connection& worker : workers) {
      RETURN_IF_ERROR(worker.Query("ROLLBACK").status());
    }
    RETURN_IF_ERROR(snapshot.Abandon());
  }
}

struct CopiedDatabase {
  std::vector<std::string> left_out;
  Timestamp taken_at;
  StoredLists lists;
  std::vector<repository::StoredPack> new_packs;
  uint64_t streams = 0;
  uint64_t stream_bytes = 0;
  uint64_t tables = 0;
  uint64_t rows = 0;
  uint64_t workers = 0;
  repository::ChunkCounts chunks;
};

std::vector<std::string> LeftOut(const Run& run, const sources::SnapshotSession& snapshot,
                                 const sources::DatabaseCatalog& catalog) {
  std::vector<std::string> lines;
  for (const std::string& table : snapshot.unreadable()) {
    lines.push_back(
        fmt::format("the table {}, its definition and its rows: the role {} may not "
                    "read it",
                    table, run.connection.user()));
  }
  // Of what is left out there, definitions are no part.
  if (run.options.schema_only) return lines;
  lines.insert(lines.end(), catalog.left_out.begin(), catalog.left_out.end());
  return lines;
}

// Rows, and the catalog, which comes first in the lists and last in time: it says how many rows
// there were.
Result<std::vector<PlacedStream>> CopyRows(Run& run, const Moment& moment, StreamCopiers& copiers,
                                           std::vector<postgres::Connection>& workers,
                                           Progress& progress, CopiedDatabase& result) {
  const DatabaseToCopy database = ToCopy(run, moment.snapshot, moment.catalog);
  const std::vector<StreamSource> rows = RowsOf(database);
  uint64_t bytes_about = 0;
  for (const StreamSource& source : rows) bytes_about += source.bytes_about;
  progress.Expect(bytes_about);
  ASSIGN_OR_RETURN(size_t first, copiers.Copy(rows, workers, run.connection));
  const format::LogicalCatalog catalog = DescribeRows(database, copiers, first);
  RETURN_IF_ERROR(RequireRowsOfKeys(database, catalog));
  if (catalog.ByteSizeLong() > kCatalogBytesMax) {
    return Error{Code::kUnsupported,
                 fmt::format("what there is to say of {} tables takes more than {}",
                             catalog.tables_size(), FormatBytes(kCatalogBytesMax)),
                 "no restore would read it: spread the tables over several databases"};
  }
  const std::vector<StreamSource> last{CatalogStream(catalog)};
  ASSIGN_OR_RETURN(size_t last_number, copiers.Copy(last, workers, run.connection));
  RETURN_IF_ERROR(copiers.Flush());

  std::vector<PlacedStream> streams = PlaceCopied(last[0], copiers.result(last_number));
  auto place = [&](const std::vector<StreamSource>& sources, size_t number) {
    for (const StreamSource& source : sources) {
      for (PlacedStream& placed : PlaceCopied(source, copiers.result(number++))) {
        streams.push_back(std::move(placed));
      }
    }
  };
  place(DocumentsOf(database, 0), moment.documents);
  place(rows, first);
  result.tables = static_cast<uint64_t>(catalog.tables_size());
  for (const format::LogicalTable& table : catalog.tables()) result.rows += table.rows();
  return streams;
}

Result<CopiedDatabase> CopyDatabase(Run& run, BackupBase& base) {
  CopiedDatabase result;
  ASSIGN_OR_RETURN(std::vector<postgres::Connection> workers, OpenWorkers(run));
  const repository::PacksToEmpty to_empty = ChooseWhatToEmpty(run, base);
  repository::CompactionBudget budget(to_empty);
  repository::PackUploader uploader(run.cluster().storage, run.cluster().names, kUploadThreads,
                                    kPacksInFlight);
  repository::MetadataWriter leaves(run.cluster(), uploader);
  Progress progress(run.options.progress, "backup", 0);
  const StreamTools tools{run.cluster(),
                          base.map,
                          uploader,
                          leaves,
                          to_empty.packs.empty() ? nullptr : &budget,
                          static_cast<int>(run.settings.compression.level),
                          progress};
  StreamCopiers copiers(tools, workers.size());
  ASSIGN_OR_RETURN(Moment moment, TakeMoment(run, copiers, workers));
  ASSIGN_OR_RETURN(std::vector<PlacedStream> streams,
                   CopyRows(run, moment, copiers, workers, progress, result));
  // What was read counts only if the locks held until here.
  RETURN_IF_ERROR(moment.snapshot.End());

  ASSIGN_OR_RETURN(std::vector<repository::PackReference> leaf_packs, leaves.Finish());
  ASSIGN_OR_RETURN(result.lists,
                   StoreLists(run.cluster(), uploader, streams, leaf_packs, base.map));
  RETURN_IF_ERROR(uploader.Finish());
  result.new_packs = uploader.Stored();
  result.streams = streams.size();
  for (const PlacedStream& stream : streams) result.stream_bytes += stream.entry.size;
  result.workers = workers.size();
  result.chunks = copiers.counts();
  result.taken_at = moment.snapshot.taken_at();
  result.left_out = LeftOut(run, moment.snapshot, moment.catalog);
  return result;
}

void Describe(const Run& run, const BackupBase& base, format::Manifest& manifest) {
  DescribeRun({run.backup_id, run.settings.cluster.name, run.options.note, run.started,
               format::Manifest::LOGICAL},
              manifest);
  manifest.set_type(run.options.schema_only ? format::Manifest::SCHEMA
                    : base.manifest         ? format::Manifest::INCREMENTAL
                                            : format::Manifest::FULL);
  if (base.manifest) manifest.set_base_backup_id(base.manifest->backup_id());
  manifest.set_system_identifier(run.facts.system_identifier.value);
  manifest.set_server_version_num(static_cast<uint32_t>(run.facts.version_num));
  manifest.set_wal_segment_size(run.facts.wal_segment_size);
  format::Database* database = manifest.add_databases();
  database->set_oid(run.facts.database_oid);
  database->set_name(run.facts.database);
  AddSetting(manifest, "server_encoding", run.facts.encoding);
}

void DescribeCopied(const CopiedDatabase& copied, format::Manifest& manifest) {
  for (const repository::BlobReference& list : copied.lists.lists) {
    repository::ToMessage(list.pack, list.location, manifest.add_stream_lists());
  }
  uint64_t new_bytes = 0;
  for (const repository::StoredPack& pack : copied.new_packs) new_bytes += pack.length;
  const repository::ChunkCounts& chunks = copied.chunks;
  manifest.set_stream_count(copied.streams);
  manifest.set_stream_bytes(copied.stream_bytes);
  manifest.set_stop_time_us(copied.taken_at.unix_us);
  for (const std::string& line : copied.left_out) manifest.add_left_out(line);
  manifest.set_new_pack_bytes(new_bytes);
  manifest.set_new_data_bytes(chunks.stored_bytes);
  manifest.set_compacted_bytes(chunks.compacted_bytes);
  manifest.set_new_metadata_bytes(new_bytes - chunks.stored_bytes - chunks.compacted_bytes);
  manifest.set_table_count(copied.tables);
  manifest.set_row_count(copied.rows);
  manifest.set_chunk_count(chunks.chunks);
  manifest.set_new_chunk_count(chunks.new_chunks);
}

Status Commit(Run& run, const CopiedDatabase& copied, format::Manifest& manifest) {
  RETURN_IF_ERROR(NamePredecessor(run.cluster(), manifest));
  manifest.set_finished_at_us(Timestamp::Now().unix_us);
  std::vector<repository::StoredPack> packs = copied.lists.packs;
  packs.insert(packs.end(), copied.new_packs.begin(), copied.new_packs.end());
  repository::SortAndDropRepeated(packs);
  RETURN_IF_ERROR(repository::CommitBackup(run.cluster(), manifest, std::move(packs)));
  if (!run.test) RememberBackup(run.settings, run.cluster(), run.backup_id);
  return {};
}

LogicalBackupReport Summarise(const Run& run, const format::Manifest& manifest) {
  LogicalBackupReport report;
  report.backup_id = run.backup_id;
  report.test = run.test;
  report.incremental = manifest.type() == format::Manifest::INCREMENTAL;
  report.schema_only = manifest.type() == format::Manifest::SCHEMA;
  report.base_backup_id = manifest.base_backup_id();
  report.database = run.facts.database;
  report.snapshot_at = {manifest.stop_time_us()};
  report.tables = manifest.table_count();
  report.rows = manifest.row_count();
  report.bytes_read = manifest.stream_bytes();
  report.chunks = manifest.chunk_count();
  report.chunks_new = manifest.new_chunk_count();
  report.bytes_stored = manifest.new_pack_bytes();
  report.data_bytes_stored = manifest.new_data_bytes();
  report.metadata_bytes_stored = manifest.new_metadata_bytes();
  report.bytes_compacted = manifest.compacted_bytes();
  report.left_out.assign(manifest.left_out().begin(), manifest.left_out().end());
  return report;
}

}  // namespace

Result<LogicalBackupReport> LogicalBackup(const config::Settings& settings,
                                          const BackupOptions& options) {
  const double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(Run run, Prepare(settings, options));
  if (!run.test) RemoveStaleTemporaries(settings);
  BackupRunEnd end(run);
  ASSIGN_OR_RETURN(BackupBase base, Begin(run));
  RETURN_IF_ERROR(ForgetDamagedPacks(run, base));

  const double copy_began = MonotonicSeconds();
  ASSIGN_OR_RETURN(CopiedDatabase copied, CopyDatabase(run, base));
  const double copy_seconds = MonotonicSeconds() - copy_began;

  format::Manifest manifest;
  Describe(run, base, manifest);
  DescribeCopied(copied, manifest);
  RETURN_IF_ERROR(Commit(run, copied, manifest));

  LogicalBackupReport report = Summarise(run, manifest);
  report.packs = copied.new_packs.size();
  report.workers = copied.workers;
  report.copy_seconds = copy_seconds;
  report.seconds = MonotonicSeconds() - began;
  return report;
}

}  // namespace pgcairn::commands
