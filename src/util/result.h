// Errors as values.
//
// Every fallible function returns Status (nothing on success) or Result<T>. An Error carries a code
// that answers a caller's question ("may I retry?", "which exit code?"), a message for people and
// an optional hint that says what to do next. No exception crosses a layer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pgcairn {

// Stable in meaning; cli/exit_codes.cc maps each to a process exit code.
enum class Code {
  kFailed,             // nothing more specific is known
  kUsage,              // command line or configuration is wrong
  kNotFound,           // the named thing does not exist (proven)
  kAlreadyExists,      // put-if-absent found the name taken
  kDamaged,            // bytes are not what they must be (hash, tag, magic, length)
  kWrongKey,           // key check failed, passphrase wrong, key missing
  kStorage,            // reading or writing a file or object failed
  kNoSpace,            // no room on the device or over quota
  kPermission,         // the operating system or the server refused
  kConnection,         // PostgreSQL or a service cannot be reached
  kUnsupported,        // version, feature or setting that pgcairn does not handle
  kRefused,            // going on would break a safety rule
  kTimeout,            // a bounded wait ended
  kCancelled,          // stopped by a signal or by a sibling's failure
  kUnreachableTarget,  // recovery target outside the recovery window
  kCorruptPages,       // the source has pages that fail their checksum
  kUnseenChanges,      // files of the source changed and their stamps did not
};

struct Error {
  Code code = Code::kFailed;
  std::string message;
  std::string hint;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  static Status Ok() { return {}; }
  bool ok() const { return !error_.has_value(); }
  const Error& error() const { return *error_; }
  Code code() const { return error_->code; }

  // Prefixes the message with what was being done; does nothing on success.
  Status Context(std::string_view doing) && {
    if (error_) error_->message = std::string(doing) + ": " + error_->message;
    return std::move(*this);
  }

 private:
  std::optional<Error> error_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(status.error()) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  const Error& error() const { return std::get<1>(state_); }
  Code code() const { return error().code; }
  Status status() const { return ok() ? Status() : Status(error()); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Prefixes the message with what was being done; does nothing on success.
  Result Context(std::string_view doing) && {
    if (!ok()) {
      Error& error = std::get<1>(state_);
      error.message = std::string(doing) + ": " + error.message;
    }
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

// A broken invariant of the program itself (never of the world): prints and aborts, in every build.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace pgcairn

#define PGCAIRN_CONCAT_INNER(a, b) a##b
#define PGCAIRN_CONCAT(a, b) PGCAIRN_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                            \
  do {                                                                         \
    auto&& pgcairn_status = (expression);                                      \
    if (!pgcairn_status.ok()) return ::pgcairn::Error(pgcairn_status.error()); \
  } while (false)

#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(PGCAIRN_CONCAT(pgcairn_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return ::pgcairn::Error(result.error());    \
  declaration = std::move(result).value()

#define CHECK(expression) \
  ((expression) ? (void)0 : ::pgcairn::CheckFailed(#expression, __FILE__, __LINE__))
