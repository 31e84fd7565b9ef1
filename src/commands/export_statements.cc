#include "commands/export_statements.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "postgres/identifier.h"

namespace pgcairn::commands {

std::string StandardLiteral(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string CopyStatement(const format::LogicalTable& table) {
  const bool through_another = !table.load_name().empty();
  const std::string into = through_another
                               ? postgres::QualifiedName(table.load_schema(), table.load_name())
                               : postgres::QualifiedName(table.schema(), table.name());
  std::vector<std::string> columns;
  for (const std::string& column : table.columns()) {
    columns.push_back(postgres::QuoteIdentifier(column));
  }
  const std::string listed = columns.empty() ? "" : fmt::format(" ({})", fmt::join(columns, ", "));
  return fmt::format("COPY {}{} FROM stdin;\n", into, listed);
}

bool NeedsClearing(const format::LogicalTable& table) {
  return table.of_extension() && table.condition().empty();
}

// ONLY: rows of tables that inherit from it are no part of it.
std::string ClearStatement(const format::LogicalTable& table) {
  return fmt::format("DELETE FROM ONLY {};\n",
                     postgres::QualifiedName(table.schema(), table.name()));
}

// Of roles with a name pg_dump says all: no server gives them any by itself, but the owner all.
std::string PublicSchemaStatements(const format::LogicalCatalog& catalog) {
  constexpr std::string_view kToEverybody = " TO PUBLIC";
  if (catalog.public_grants().empty()) return "";
  std::string all = "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n";
  for (std::string_view grant : catalog.public_grants()) {
    if (grant.ends_with(kToEverybody)) all += fmt::format("{};\n", grant);
  }
  return all;
}

std::string SequenceStatement(const format::LogicalSequence& sequence) {
  std::string value = std::to_string(sequence.last_value());
  // Unquoted, the lowest bigint is a minus and a number that is no bigint.
  if (sequence.last_value() < 0) value = StandardLiteral(value);
  return fmt::format("SELECT pg_catalog.setval({}::regclass, {}, {});\n",
                     StandardLiteral(postgres::QualifiedName(sequence.schema(), sequence.name())),
                     value, sequence.is_called());
}

std::string RefreshStatement(const format::LogicalView& view) {
  return fmt::format("REFRESH MATERIALIZED VIEW {};\n",
                     postgres::QualifiedName(view.schema(), view.name()));
}

std::string CreateStatement(const format::LogicalLargeObject& object) {
  return fmt::format("SELECT pg_catalog.lo_create({});\n", object.oid());
}

std::string PutStatement(uint32_t oid, uint64_t offset, std::string_view hex) {
  return fmt::format("SELECT pg_catalog.lo_put({}, {}, '\\x{}'::bytea);\n", oid, offset, hex);
}

std::string OwnerStatement(const format::LogicalLargeObject& object) {
  if (object.owner().empty()) return "";
  return fmt::format("ALTER LARGE OBJECT {} OWNER TO {};\n", object.oid(),
                     postgres::QuoteIdentifier(object.owner()));
}

std::string GrantStatements(const format::LogicalLargeObject& object) {
  std::string all;
  for (std::string_view grant : object.grants()) {
    grant = grant.substr(0, grant.find_last_not_of("; \n") + 1);
    all += fmt::format("{};\n", grant);
  }
  return all;
}

std::string CommentStatement(const format::LogicalLargeObject& object) {
  if (!object.has_comment()) return "";
  return fmt::format("COMMENT ON LARGE OBJECT {} IS {};\n", object.oid(),
                     StandardLiteral(object.comment()));
}

}  // namespace pgcairn::commands
