// Names as SQL takes them.
#pragma once

#include <string>
#include <string_view>

namespace pgcairn::postgres {

// `name` as an identifier in SQL, always quoted.
std::string QuoteIdentifier(std::string_view name);

// "schema"."name".
std::string QualifiedName(std::string_view schema, std::string_view name);

// `text` as a string in SQL, whatever standard_conforming_strings says.
std::string QuoteLiteral(std::string_view text);

}  // namespace pgcairn::postgres
