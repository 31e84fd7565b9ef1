#include "crypto/random.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace pgcairn::crypto {

Status FillRandom(std::span<uint8_t> out) {
  std::span<uint8_t> rest = out;
  while (!rest.empty()) {
    ssize_t got = getrandom(rest.data(), rest.size(), 0);
    if (got > 0) {
      rest = rest.subspan(static_cast<size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      const int saved_errno = got == 0 ? EIO : errno;
      Wipe(out);
      return Error{
          Code::kFailed,
          "reading random bytes from the kernel: " + std::generic_category().message(saved_errno),
          "pgcairn needs getrandom(2): Linux 3.17 or newer, and allowed by any seccomp "
          "filter of the container or service"};
    }
  }
  return Status::Ok();
}

Result<Bytes> RandomBytes(size_t size) {
  Bytes bytes(size);
  RETURN_IF_ERROR(FillRandom(bytes));
  return bytes;
}

Result<SecretBytes> RandomSecret(size_t size) {
  SecretBytes secret(size);
  RETURN_IF_ERROR(FillRandom(secret.span()));
  return secret;
}

}  // namespace pgcairn::crypto
