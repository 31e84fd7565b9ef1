#include "commands/export_sql.h"

#include <fmt/format.h>

#include <utility>

#include "commands/export_statements.h"
#include "commands/large_object_pages.h"
#include "postgres/definitions_script.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

// What the rows were written under (docs/format.md, section 17), and what lets them in. An XML
// value need not be a whole document; an expression of a generated column, run for a row, must find
// no other function than in the dump; and a role or database may bring limits of its own.
std::string SettingsFor(const format::LogicalCatalog& catalog) {
  return fmt::format(
      "SET client_encoding = '{}';\n"
      "SET standard_conforming_strings = on;\n"
      "SET datestyle = 'ISO';\n"
      "SET intervalstyle = 'postgres';\n"
      "SET extra_float_digits = 3;\n"
      "SET TimeZone = 'UTC';\n"
      "SET xmloption = content;\n"
      "SET row_security = off;\n"
      "SET search_path = '';\n"
      "SET statement_timeout = 0;\n"
      "SET lock_timeout = 0;\n\n",
      catalog.encoding() == "SQL_ASCII" ? "SQL_ASCII" : "UTF8");
}

class ScriptWriter {
 public:
  ScriptWriter(const LogicalContents& contents, const format::LogicalCatalog& catalog,
               Progress& progress, const TakeBytes& take)
      : contents_(contents), catalog_(catalog), progress_(progress), take_(take) {}

  // `after_rows` where it belongs.
  Status Write(std::string_view after_rows) {
    RETURN_IF_ERROR(Say(SettingsFor(catalog_)));
    RETURN_IF_ERROR(ClearTables());
    for (const format::LogicalLargeObject& object : catalog_.large_objects()) {
      RETURN_IF_ERROR(Say(CreateStatement(object)));
    }
    for (const format::LogicalTable& table : catalog_.tables()) {
      RETURN_IF_ERROR(Say(CopyStatement(table)));
      RETURN_IF_ERROR(ExportRows(contents_, table, progress_, take_));
      RETURN_IF_ERROR(Say("\\.\n\n"));
      progress_.Show();
    }
    LargeObjectPages pages(catalog_);
    RETURN_IF_ERROR(pages.ReadAll(contents_, progress_, [this](const LargeObjectPage& page) {
      return Say(PutStatement(page.oid, page.offset, page.hex));
    }));
    for (const format::LogicalTable& table : catalog_.tables()) {
      if (NeedsClearing(table)) RETURN_IF_ERROR(Say(SettleStatement(table)));
    }
    for (const format::LogicalSequence& sequence : catalog_.sequences()) {
      RETURN_IF_ERROR(Say(SequenceStatement(sequence)));
    }
    RETURN_IF_ERROR(FinishLargeObjects(pages));
    RETURN_IF_ERROR(Say("\n"));
    RETURN_IF_ERROR(Say(after_rows));
    RETURN_IF_ERROR(Say(PublicSchemaStatements(catalog_)));
    for (const format::LogicalView& view : catalog_.filled_views()) {
      RETURN_IF_ERROR(Say(RefreshStatement(view)));
    }
    return {};
  }

 private:
  Status Say(std::string_view text) { return text.empty() ? Status() : take_(AsBytes(text)); }

  // The catalog has those first that others refer to.
  Status ClearTables() {
    const auto& tables = catalog_.tables();
    for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
      if (NeedsClearing(*table)) RETURN_IF_ERROR(Say(ClearStatement(*table)));
    }
    return {};
  }

  Status FinishLargeObjects(const LargeObjectPages& pages) {
    for (const format::LogicalLargeObject& object : catalog_.large_objects()) {
      // The last page is an empty one: PostgreSQL makes it to make an object longer.
      if (pages.WrittenUntil(object.oid()) < object.size()) {
        RETURN_IF_ERROR(Say(PutStatement(object.oid(), object.size() - 1, "00")));
      }
      RETURN_IF_ERROR(Say(OwnerStatement(object)));
      RETURN_IF_ERROR(Say(GrantStatements(object)));
      RETURN_IF_ERROR(Say(CommentStatement(object)));
    }
    return {};
  }

  const LogicalContents& contents_;
  const format::LogicalCatalog& catalog_;
  Progress& progress_;
  const TakeBytes& take_;
};

}  // namespace

Status WriteDocument(const LogicalContents& contents, const std::string& name,
                     const TakeBytes& take) {
  ASSIGN_OR_RETURN(LogicalStream stream, contents.Find(name));
  LogicalStreamReader reader(contents, stream);
  for (;;) {
    ASSIGN_OR_RETURN(ByteView piece, reader.Next());
    if (piece.empty()) return {};
    RETURN_IF_ERROR(take(piece));
  }
}

Status WriteSqlScript(const LogicalContents& contents, const ExportSelection& selection,
                      const std::string& backup_id, bool in_one_transaction, Progress& progress,
                      const TakeBytes& take) {
  RETURN_IF_ERROR(take(AsBytes(
      fmt::format("-- Backup {} of pgcairn, for psql and an empty database.\n\n", backup_id))));
  if (in_one_transaction) RETURN_IF_ERROR(take(AsBytes("BEGIN;\n")));
  std::string definitions;
  RETURN_IF_ERROR(WriteDocument(contents, "schema.sql", [&](ByteView piece) -> Status {
    definitions += AsText(piece);
    return {};
  }));
  postgres::ShortenedScript shortened =
      postgres::WithoutDefinitions(definitions, selection.without);
  for (const postgres::ArchiveItem& item : shortened.not_found) {
    LogWarning(
        "{} {} cannot be loaded, but is in the script: load it without ON_ERROR_STOP, or "
        "export with --format=directory",
        item.kind.value_or(""), item.tag.value_or(""));
  }
  definitions = std::move(shortened.script);
  const postgres::DefinitionsScript split = postgres::SplitDefinitions(definitions);
  auto say = [&](std::string_view text) { return text.empty() ? Status() : take(AsBytes(text)); };
  RETURN_IF_ERROR(say(split.before_rows));
  RETURN_IF_ERROR(say("\n"));
  RETURN_IF_ERROR(
      ScriptWriter(contents, selection.catalog, progress, take).Write(split.after_rows));
  RETURN_IF_ERROR(say("\n"));
  RETURN_IF_ERROR(say(split.last));
  return in_one_transaction ? take(AsBytes("COMMIT;\n")) : Status();
}

}  // namespace pgcairn::commands
