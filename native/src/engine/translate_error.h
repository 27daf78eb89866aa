// Any exception as our Error, so that every failure crosses to JavaScript with a code and an origin.
#pragma once
#include <exception>

#include "error.h"

namespace semantic {

Error translate_error(std::exception_ptr failure, const char* origin);

}  // namespace semantic
