// SQL that brings back what a logical backup keeps beside the definitions. Right where
// standard_conforming_strings is on, as it is everywhere that pg_dump's own SQL is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/logical.pb.h"

namespace pgcairn::commands {

// `text` as a string of standard SQL.
std::string StandardLiteral(std::string_view text);

// Takes the rows; of a table that CREATE EXTENSION fills, use ClearStatement before it and
// SettleStatement behind it.
std::string CopyStatement(const format::LogicalTable& table);
// CREATE EXTENSION may have put rows there that are among those of the backup.
bool NeedsClearing(const format::LogicalTable& table);
// Takes no rows of other tables away: where a key would do that and the role may not keep it from
// it, an error says so.
std::string ClearStatement(const format::LogicalTable& table);
// What was left of other tables that refers to this one leads somewhere afterwards, or is an error.
std::string SettleStatement(const format::LogicalTable& table);

// The privileges of everybody on the schema public, whatever they were: PostgreSQL 15 gives others
// than those before it, and pg_dump writes how they differ from one of the two. "" when the backup
// does not say. Comes after all other privileges.
std::string PublicSchemaStatements(const format::LogicalCatalog& catalog);

std::string SequenceStatement(const format::LogicalSequence& sequence);
std::string RefreshStatement(const format::LogicalView& view);

std::string CreateStatement(const format::LogicalLargeObject& object);
std::string PutStatement(uint32_t oid, uint64_t offset, std::string_view hex);
std::string OwnerStatement(const format::LogicalLargeObject& object);    // "" without an owner
std::string GrantStatements(const format::LogicalLargeObject& object);   // "" without grants
std::string CommentStatement(const format::LogicalLargeObject& object);  // "" without a comment

}  // namespace pgcairn::commands
