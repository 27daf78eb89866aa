// What the operating system refused, by name: ENOSPC.
#pragma once
#include <cstdint>

#include "error.h"

namespace semantic {

// Error(Io) of a read or write at `offset`.
Error io_error(const char* origin, int error_number, int64_t offset);

}  // namespace semantic
