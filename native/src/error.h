// The one exception type that crosses our own layers. `origin` is `room.verb`.
#pragma once
#include <stdexcept>
#include <string>

namespace semantic {

enum class ErrorCode { InvalidArgument, ModelFile, OutOfMemory, EngineClosed, KvCorrupt, Io, Backend };

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string origin, const std::string& message)
      : std::runtime_error("[" + origin + "] " + message), code(code), origin(std::move(origin)) {}
  const ErrorCode code;
  const std::string origin;
  int image = -1;          // of KvCorrupt: which of the call's images
  std::string errno_name;  // of Io: such as ENOSPC
};

inline Error closed_error() { return {ErrorCode::EngineClosed, "engine.command", "the engine is closed"}; }

}  // namespace semantic
