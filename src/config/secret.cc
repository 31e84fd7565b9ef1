#include "config/secret.h"

#include <strings.h>

#include <string>
#include <utility>

namespace pgcairn::config {

Secret::Secret(std::string_view text) {
  if (text.empty()) return;
  bytes_.reserve(text.size() + 1);
  bytes_.assign(text.begin(), text.end());
  bytes_.push_back('\0');
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    Wipe();
    bytes_ = other.bytes_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

Secret::~Secret() { Wipe(); }

std::string_view Secret::Reveal() const {
  return empty() ? std::string_view() : std::string_view(bytes_.data(), bytes_.size() - 1);
}

const char* Secret::RevealCString() const { return empty() ? "" : bytes_.data(); }

void Secret::Wipe() {
  if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

void WipeText(std::string& text) {
  if (!text.empty()) ::explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace pgcairn::config
