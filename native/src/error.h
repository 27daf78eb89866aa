// The one exception type that crosses our own layers. `origin` is `room.verb`.
#pragma once
#include <stdexcept>
#include <string>

namespace semantic {

enum class ErrorCode { InvalidArgument, ModelFile, OutOfMemory, EngineClosed, Backend };

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string origin, const std::string& message)
      : std::runtime_error("[" + origin + "] " + message), code(code), origin(std::move(origin)) {}
  const ErrorCode code;
  const std::string origin;
};

}  // namespace semantic
