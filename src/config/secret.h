// A text that must not be seen: passphrases, and connections that may hold a password.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace pgcairn::config {

// Owns its bytes and overwrites them when it is destroyed or assigned to. Prints as "***"; there is
// no operator<<, so that it cannot slip into a stream. Copies that parsers and libpq make on their
// own are not covered: the program switches core dumps off for those.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  bool empty() const { return bytes_.size() <= 1; }
  // Valid until this object changes.
  std::string_view Reveal() const;
  // The same with a terminating zero, for C interfaces.
  const char* RevealCString() const;

 private:
  void Wipe();

  // With the terminating zero, or nothing at all. A vector, because moving one leaves no copy
  // behind as a short std::string does.
  std::vector<char> bytes_;
};

// Overwrites the text in a way that the compiler may not drop, and empties it.
void WipeText(std::string& text);

}  // namespace pgcairn::config

template <>
struct fmt::formatter<pgcairn::config::Secret> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const pgcairn::config::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
