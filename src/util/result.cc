#include "util/result.h"

#include <cstdio>
#include <cstdlib>

namespace pgcairn {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "pgcairn: internal error: %s is false at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace pgcairn
