// The kinds of request that a storage answers, for those who count or disturb them.
#pragma once

#include <cstddef>

namespace pgcairn::storage {

enum class Request { kPut, kGet, kGetRange, kStat, kList, kDelete };

inline constexpr size_t kRequestKinds = 6;

}  // namespace pgcairn::storage
