#include "commands/scratch_database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "commands/trial_directory.h"
#include "crypto/random.h"
#include "postgres/connection.h"
#include "postgres/connection_string.h"
#include "postgres/identifier.h"
#include "postgres/program_run.h"
#include "postgres/server_binaries.h"
#include "postgres/standalone_server.h"
#include "sources/logical/trial_databases.h"
#include "util/bytes.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

constexpr char kSuperuser[] = "postgres";
constexpr char kDatabase[] = "restored";
// Every encoding goes with the locale C. Others than UTF-8 have no locale that every host has.
std::string_view LocaleFor(const std::string& encoding) {
  return encoding == "UTF8" ? "C.UTF-8" : "C";
}

std::string CreateDatabase(const std::string& name, const std::string& encoding,
                           const std::string& more) {
  return fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING {}{}",
                     postgres::QuoteIdentifier(name), postgres::QuoteLiteral(encoding), more);
}

// The backup's version or the next newer one; definitions of a newer server need not load into an
// older one.
Result<std::string> FindBinaries(int major, const std::string& bin_dir) {
  constexpr int kNewerMax = 5;
  Result<std::string> first = postgres::FindServerBinaries(major, bin_dir);
  if (first.ok()) return first;
  for (int newer = major + 1; newer <= major + kNewerMax; ++newer) {
    Result<std::string> found = postgres::FindServerBinaries(newer, bin_dir);
    if (found.ok()) return found;
  }
  Error error = first.error();
  error.hint += "; or name a server for trials in restore.test_url";
  return error;
}

// A server that reaches nobody and whose files need not outlive a power failure. Definitions are
// made in one transaction, which locks them all.
std::vector<std::pair<std::string, std::string>> ScratchSettings() {
  return {{"listen_addresses", ""},
          {"max_connections", "100"},
          {"max_locks_per_transaction", "1024"},
          {"shared_buffers", "64MB"},
          {"huge_pages", "off"},
          {"wal_level", "minimal"},
          {"max_wal_senders", "0"},
          {"max_logical_replication_workers", "0"},
          {"archive_mode", "off"},
          {"autovacuum", "off"},
          {"fsync", "off"},
          {"full_page_writes", "off"},
          {"jit", "off"},
          {"logging_collector", "off"},
          {"log_destination", "stderr"}};
}

class OwnServer : public ScratchDatabase {
 public:
  static Result<std::unique_ptr<ScratchDatabase>> Make(const config::Settings& settings,
                                                       const format::LogicalCatalog& catalog) {
    ASSIGN_OR_RETURN(std::string bin,
                     FindBinaries(static_cast<int>(catalog.server_version_num() / 10000),
                                  settings.cluster.bin_dir));
    ASSIGN_OR_RETURN(TrialDirectory directory,
                     TrialDirectory::Make(settings.restore.test_directory));
    std::unique_ptr<OwnServer> made(new OwnServer(std::move(directory)));
    RETURN_IF_ERROR(made->Start(bin, catalog.encoding()));
    return std::unique_ptr<ScratchDatabase>(std::move(made));
  }

  std::string conninfo() const override { return server_->Conninfo(kDatabase, kSuperuser); }
  bool is_own_server() const override { return true; }
  Status Remove() override { return server_->Stop(); }

 private:
  explicit OwnServer(TrialDirectory directory) : directory_(std::move(directory)) {}

  Status Start(const std::string& bin, const std::string& encoding) {
    // Where TrialDirectory looks for a server that a killed trial left behind.
    const std::string data = directory_.path() + "/data";
    postgres::ProgramRun initdb;
    initdb.program = bin + "/initdb";
    initdb.arguments = {"--pgdata=" + data,       "--no-sync",
                        "--auth=trust",           fmt::format("--username={}", kSuperuser),
                        "--encoding=" + encoding, fmt::format("--locale={}", LocaleFor(encoding))};
    initdb.environment = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"};
    RETURN_IF_ERROR(postgres::RunProgram(initdb, [](ByteView) {
                      return Status();
                    }).Context("making a server for the trial"));
    postgres::StandaloneServer::Options options;
    options.bin_dir = bin;
    options.data_directory = data;
    options.socket_directory = directory_.path() + "/socket";
    options.settings = ScratchSettings();
    options.log_file = directory_.path() + "/server.log";
    ASSIGN_OR_RETURN(postgres::StandaloneServer server, postgres::StandaloneServer::Start(options));
    server_.emplace(std::move(server));
    ASSIGN_OR_RETURN(
        postgres::Connection connection,
        postgres::Connection::Open(server_->Conninfo("template1", kSuperuser), "pgcairn"));
    return connection.Query(CreateDatabase(kDatabase, encoding, "")).status();
  }

  TrialDirectory directory_;
  std::optional<postgres::StandaloneServer> server_;  // goes before its directory
};

class DatabaseAtUrl : public ScratchDatabase {
 public:
  static Result<std::unique_ptr<ScratchDatabase>> Make(const config::Settings& settings,
                                                       const format::LogicalCatalog& catalog) {
    const std::string url(settings.restore.test_url.Reveal());
    ASSIGN_OR_RETURN(postgres::Connection connection,
                     Open(url).Context("connecting to restore.test_url"));
    // So many random digits that no other database has the name.
    constexpr size_t kRandomBytes = 12;
    ASSIGN_OR_RETURN(Bytes random, crypto::RandomBytes(kRandomBytes));
    const std::string name = "pgcairn_test_" + ToHex(random);
    ASSIGN_OR_RETURN(std::string conninfo, postgres::WithDatabase(url, name));
    Result<std::vector<std::string>> removed = sources::RemoveAbandonedTrialDatabases(connection);
    if (!removed.ok()) LogWarning("{}", removed.error().message);
    std::unique_ptr<DatabaseAtUrl> made(
        new DatabaseAtUrl(std::move(connection), url, std::move(conninfo)));
    if (removed.ok()) made->removed_before_ = std::move(removed).value();
    RETURN_IF_ERROR(
        made->Create(name, catalog.encoding()).Context("making a database at restore.test_url"));
    return std::unique_ptr<ScratchDatabase>(std::move(made));
  }

  ~DatabaseAtUrl() override {
    Status removed = Remove();
    if (!removed.ok()) LogWarning("{}", removed.error().message);
  }

  std::string conninfo() const override { return conninfo_; }
  bool is_own_server() const override { return false; }
  std::vector<std::string> removed_before() const override { return removed_before_; }
  Status Remove() override {
    if (name_.empty()) return {};
    Status dropped = Drop();
    if (dropped.code() == Code::kConnection) {
      // This session was idle for as long as the restore took, which not every network lets live.
      Result<postgres::Connection> again = Open(url_);
      if (again.ok()) {
        connection_ = std::move(again).value();
        dropped = Drop();
      }
    }
    if (dropped.ok()) name_.clear();
    return std::move(dropped).Context(
        fmt::format("removing the database {} at restore.test_url", name_));
  }

 private:
  DatabaseAtUrl(postgres::Connection connection, std::string url, std::string conninfo)
      : connection_(std::move(connection)), url_(std::move(url)), conninfo_(std::move(conninfo)) {}

  // Claimed before anybody can see it. A trial that is killed before the mark leaves a database
  // that nobody else may take for one of a trial.
  Status Create(const std::string& name, const std::string& encoding) {
    const std::string locale = encoding == "UTF8" ? "" : " LC_COLLATE 'C' LC_CTYPE 'C'";
    RETURN_IF_ERROR(sources::ClaimTrialDatabase(connection_, name));
    RETURN_IF_ERROR(connection_.Query(CreateDatabase(name, encoding, locale)).status());
    name_ = name;
    return sources::MarkTrialDatabase(connection_, name);
  }

  // FORCE: a session of ours that broke may not have ended yet.
  Status Drop() {
    return connection_
        .Query(fmt::format("DROP DATABASE {} WITH (FORCE)", postgres::QuoteIdentifier(name_)))
        .status();
  }

  static Result<postgres::Connection> Open(const std::string& url) {
    return postgres::Connection::Open(url, "pgcairn restore --test");
  }

  postgres::Connection connection_;
  const std::string url_;
  std::string name_;  // empty when there is none
  const std::string conninfo_;
  std::vector<std::string> removed_before_;
};

}  // namespace

Result<std::unique_ptr<ScratchDatabase>> MakeScratchDatabase(
    const config::Settings& settings, const format::LogicalCatalog& catalog) {
  return settings.restore.test_url.empty() ? OwnServer::Make(settings, catalog)
                                           : DatabaseAtUrl::Make(settings, catalog);
}

}  // namespace pgcairn::commands
