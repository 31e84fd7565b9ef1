// Identities that stand in object headers and references (docs/format.md, sections 2, 5 and 6).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// A fixed-size identity; Tag keeps different ones from being mixed up.
template <size_t N, typename Tag>
struct FixedId {
  static constexpr size_t kBytes = N;
  std::array<uint8_t, N> bytes{};

  friend auto operator<=>(const FixedId&, const FixedId&) = default;
  ByteView view() const { return bytes; }
  std::string ToHex() const { return pgcairn::ToHex(bytes); }

  // kDamaged when `from` has another length.
  static Result<FixedId> From(ByteView from) {
    if (from.size() != N) return Error{Code::kDamaged, "an identity has the wrong length", ""};
    FixedId id;
    std::memcpy(id.bytes.data(), from.data(), N);
    return id;
  }
  static Result<FixedId> From(const std::string& from) { return From(AsBytes(from)); }
};

using RepositoryId = FixedId<16, struct RepositoryIdTag>;
using ClusterId = FixedId<16, struct ClusterIdTag>;
using KeyId = FixedId<8, struct KeyIdTag>;              // of a root or a data key
using AccessKeyId = FixedId<8, struct AccessKeyIdTag>;  // of an X25519 pair
using Salt = FixedId<32, struct SaltTag>;
using ContentIdentity = FixedId<32, struct ContentIdentityTag>;

// Which repository and cluster an object belongs to; bound into every sealed blob.
struct Place {
  RepositoryId repository;
  ClusterId cluster;
};

}  // namespace pgcairn::repository
