#include "config/json_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

namespace pgcairn::config {
namespace {

constexpr size_t kDepthMax = 32;

struct Place {
  int line = 1;
  int column = 1;
};

Place PlaceOf(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  Place place;
  place.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  size_t newline = before.rfind('\n');
  size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  place.column += static_cast<int>(before.size() - line_start);
  return place;
}

// The parser gives its events without positions; counting what it has taken tells them.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* taken) : at_(at), taken_(taken) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*taken_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* taken_;
};

// Builds the tree from the parser's events; each returns whether to go on. The method names are the
// interface nlohmann::json_sax asks for.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, std::string_view file_name, const size_t& taken)
      : text_(text), file_name_(file_name), taken_(taken) {}

  bool null() {
    Add(Empty(JsonValue::Kind::kNull));
    return true;
  }
  bool boolean(bool value) {
    Add(Empty(JsonValue::Kind::kBoolean))->boolean = value;
    return true;
  }
  bool number_integer(int64_t value) {
    Add(Empty(JsonValue::Kind::kInteger))->integer = value;
    return true;
  }
  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return number_float(0, std::to_string(value));
    }
    return number_integer(static_cast<int64_t>(value));
  }
  bool number_float(double, const std::string& digits) {
    Add(Empty(JsonValue::Kind::kReal))->text = digits;
    return true;
  }
  bool string(std::string& value) {
    Add(Empty(JsonValue::Kind::kText))->text = std::move(value);
    return true;
  }
  bool binary(std::vector<uint8_t>&) { return false; }
  bool start_object(size_t) { return Open(JsonValue::Kind::kObject); }
  bool start_array(size_t) { return Open(JsonValue::Kind::kList); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  bool key(std::string& name) {
    Place place = PlaceOf(text_, KeyStart());
    std::vector<JsonMember>& members = open_.back()->members;
    for (const JsonMember& member : members) {
      if (member.key != name) continue;
      error_ =
          Error{Code::kUsage,
                fmt::format("{}, line {}, column {}: the key \"{}\" was already given on line {}",
                            file_name_, place.line, place.column, name, member.line),
                "keep one of the two"};
      return false;
    }
    members.push_back({std::move(name), place.line, place.column, {}});
    return true;
  }

  template <typename Exception>
  bool parse_error(size_t position, const std::string&, const Exception& error) {
    // The position counts bytes taken, the wrong one included.
    Place place = PlaceOf(text_, position > 0 ? position - 1 : 0);
    error_ = Error{Code::kUsage,
                   fmt::format("{}, line {}, column {}: {}", file_name_, place.line, place.column,
                               Reason(error.what())),
                   "correct it; comments (// and /* */) are allowed, a comma after the last member "
                   "is not"};
    return false;
  }

  Result<JsonValue> Take() && {
    if (!error_.message.empty()) return std::move(error_);
    if (root_.kind != JsonValue::Kind::kObject) {
      return Error{
          Code::kUsage,
          fmt::format("{}: found {} where an object is needed", file_name_, KindName(root_.kind)),
          "the file begins with { and ends with }"};
    }
    return std::move(root_);
  }

 private:
  static JsonValue Empty(JsonValue::Kind kind) {
    JsonValue value;
    value.kind = kind;
    return value;
  }

  JsonValue* Add(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    JsonValue& parent = *open_.back();
    if (parent.kind == JsonValue::Kind::kList) {
      parent.list.push_back(std::move(value));
      return &parent.list.back();
    }
    parent.members.back().value = std::move(value);
    return &parent.members.back().value;
  }

  bool Open(JsonValue::Kind kind) {
    if (open_.size() == kDepthMax) {
      Place place = PlaceOf(text_, taken_ - 1);
      error_ = Error{Code::kUsage,
                     fmt::format("{}, line {}, column {}: more than {} levels", file_name_,
                                 place.line, place.column, kDepthMax),
                     "check that it is the file you mean"};
      return false;
    }
    // Stays valid: nothing is added to a parent while its child is open.
    open_.push_back(Add(Empty(kind)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  // The parser has just taken the closing quote of a key.
  size_t KeyStart() const {
    for (size_t quote = taken_ - 1; quote > 0;) {
      quote = text_.rfind('"', quote - 1);
      size_t backslashes = 0;
      while (backslashes < quote && text_[quote - 1 - backslashes] == '\\') ++backslashes;
      if (backslashes % 2 == 0) return quote;
    }
    return 0;
  }

  // "[json.exception...] parse error at line 1, column 2: syntax error while parsing value -
  // invalid literal; last read: 'abc'": the middle is of use, the end would show part of a value.
  static std::string Reason(std::string_view what) {
    size_t start = what.find(": ");
    if (start != std::string_view::npos) what.remove_prefix(start + 2);
    return std::string(what.substr(0, what.find("; last read: ")));
  }

  std::string_view text_;
  std::string_view file_name_;
  const size_t& taken_;
  JsonValue root_;
  std::vector<JsonValue*> open_;
  Error error_;
};

}  // namespace

Result<JsonValue> ParseJson(std::string_view text, std::string_view file_name) {
  size_t taken = 0;
  TreeBuilder builder(text, file_name, taken);
  try {
    nlohmann::json::sax_parse(CountingIterator(text.data(), &taken),
                              CountingIterator(text.data() + text.size(), &taken), &builder,
                              nlohmann::json::input_format_t::json, /*strict=*/true,
                              /*ignore_comments=*/true);
  } catch (const std::exception&) {
    return Error{Code::kUsage, fmt::format("{}: it cannot be read as JSON", file_name),
                 "check that it is the file you mean"};
  }
  return std::move(builder).Take();
}

std::string_view KindName(JsonValue::Kind kind) {
  switch (kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBoolean:
      return "true or false";
    case JsonValue::Kind::kInteger:
      return "a whole number";
    case JsonValue::Kind::kReal:
      return "a number that is not whole or too large";
    case JsonValue::Kind::kText:
      return "text";
    case JsonValue::Kind::kList:
      return "a list";
    case JsonValue::Kind::kObject:
      return "an object";
  }
  return "";
}

}  // namespace pgcairn::config
