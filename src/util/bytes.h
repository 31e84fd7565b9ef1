// Byte buffers, little-endian integers and hexadecimal text.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgcairn {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

static_assert(std::endian::native == std::endian::little, "pgcairn runs on little-endian machines");

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string ToString(ByteView bytes) { return std::string(AsText(bytes)); }
inline Bytes ToBytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// Any length, none included; as fast as memory.
inline bool IsAllZeros(ByteView bytes) {
  constexpr size_t kWords = 8;
  while (bytes.size() >= kWords * sizeof(uint64_t)) {
    std::array<uint64_t, kWords> words;
    std::memcpy(words.data(), bytes.data(), sizeof words);
    uint64_t any = 0;
    for (uint64_t word : words) any |= word;
    if (any != 0) return false;
    bytes = bytes.subspan(sizeof words);
  }
  uint8_t any = 0;
  for (uint8_t byte : bytes) any |= byte;
  return any == 0;
}

// Reads or writes T at `from`/`to`, which must have sizeof(T) bytes; any alignment.
template <typename T>
T LoadLe(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void StoreLe(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

template <typename T>
void AppendLe(Bytes& out, T value) {
  size_t at = out.size();
  out.resize(at + sizeof value);
  StoreLe(out.data() + at, value);
}
inline void Append(Bytes& out, ByteView bytes) {
  if (bytes.empty()) return;
  size_t at = out.size();
  out.resize(at + bytes.size());
  std::memcpy(out.data() + at, bytes.data(), bytes.size());
}

// Reads fields one after another and never past the end: after a short read ok() is false for good
// and every further field is zero or empty.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  template <typename T>
  T Le() {
    ByteView field = View(sizeof(T));
    return ok_ ? LoadLe<T>(field.data()) : T{};
  }
  // A view into the bytes given to the constructor; empty when fewer than `size` are left.
  ByteView View(size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    ByteView field = rest_.first(size);
    rest_ = rest_.subspan(size);
    return field;
  }
  template <size_t N>
  std::array<uint8_t, N> Array() {
    std::array<uint8_t, N> field{};
    ByteView view = View(N);
    if (ok_) std::memcpy(field.data(), view.data(), N);
    return field;
  }
  bool ok() const { return ok_; }
  size_t left() const { return rest_.size(); }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// Lower-case, two digits a byte.
std::string ToHex(ByteView bytes);
// Upper or lower case; nothing for an odd length or another character.
std::optional<Bytes> FromHex(std::string_view text);

}  // namespace pgcairn
