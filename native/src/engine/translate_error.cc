#include "engine/translate_error.h"

#include <new>
#include <string_view>

namespace semantic {
namespace {

// MLX's allocators throw runtime_error: "[malloc] Unable to allocate ...", "[metal::malloc] Attempting to allocate ...".
bool speaks_of_allocation(std::string_view message) { return message.find("malloc]") != std::string_view::npos; }

}  // namespace

Error translate_error(std::exception_ptr failure, const char* origin) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::OutOfMemory, origin, "the system has no memory left");
  } catch (const std::exception& e) {
    return Error(speaks_of_allocation(e.what()) ? ErrorCode::OutOfMemory : ErrorCode::Backend, origin, e.what());
  } catch (...) {
    return Error(ErrorCode::Backend, origin, "an exception of unknown type");
  }
}

}  // namespace semantic
