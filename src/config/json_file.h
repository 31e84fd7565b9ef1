// JSON with comments (// and /* */) as a tree that knows on which line each key stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace pgcairn::config {

struct JsonMember;

struct JsonValue {
  // kReal: every number that is not a whole one between -2^63 and 2^63 - 1.
  enum class Kind { kNull, kBoolean, kInteger, kReal, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  // The text of kText; the digits of kReal.
  std::string text;
  std::vector<JsonValue> list;
  // In the order of the file; keys differ.
  std::vector<JsonMember> members;
};

struct JsonMember {
  std::string key;
  // Of the key, from 1; the column counts bytes.
  int line = 0;
  int column = 0;
  JsonValue value;
};

// Parses `text`, whose outermost value must be an object. Errors: kUsage, naming `file_name`, line
// and column, never a value: what is broken may be a password. Duplicate keys in an object and more
// than 32 levels are errors.
Result<JsonValue> ParseJson(std::string_view text, std::string_view file_name);

// "text", "a number with a fraction", ...: how messages call the value.
std::string_view KindName(JsonValue::Kind kind);

}  // namespace pgcairn::config
