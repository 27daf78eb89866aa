#include "store/io_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace semantic {
namespace {

// glibc's strerrorname_np() is not everywhere.
std::string errno_name(int number) {
  switch (number) {
#define NAME(name) \
  case name: return #name
    NAME(EACCES);
    NAME(EAGAIN);
    NAME(EBADF);
    NAME(EBUSY);
    NAME(EDQUOT);
    NAME(EFAULT);
    NAME(EFBIG);
    NAME(EINVAL);
    NAME(EIO);
    NAME(EISDIR);
    NAME(ENODATA);
    NAME(ENODEV);
    NAME(ENOMEM);
    NAME(ENOSPC);
    NAME(ENOTCONN);
    NAME(ENXIO);
    NAME(EOVERFLOW);
    NAME(EPERM);
    NAME(EPIPE);
    NAME(EROFS);
    NAME(ESPIPE);
    NAME(ESTALE);
    NAME(ETIMEDOUT);
#undef NAME
    default: return std::to_string(number);
  }
}

}  // namespace

Error io_error(const char* origin, int error_number, int64_t offset) {
  const std::string name = errno_name(error_number);
  Error error(ErrorCode::Io, origin, "at byte " + std::to_string(offset) + ": " + name + ", " + std::generic_category().message(error_number));
  error.errno_name = name;
  return error;
}

}  // namespace semantic
