#include "engine/admission.h"

#include <cstdio>
#include <filesystem>

#include "error.h"

namespace semantic {
namespace {

std::string megabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

}  // namespace

void admit(int64_t budget, MemoryUse use, int64_t wanted, const std::string& purpose) {
  if (wanted <= budget - use.weights - use.kv) return;
  throw Error(ErrorCode::OutOfMemory, "engine.admit",
              purpose + " needs " + megabytes(wanted) + "; of the budget of " + megabytes(budget) + " weights take " +
                  megabytes(use.weights) + " and KV " + megabytes(use.kv));
}

int64_t total_file_bytes(const std::vector<std::string>& files) {
  int64_t sum = 0;
  for (const std::string& file : files) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(file, failure);
    if (failure) throw Error(ErrorCode::ModelFile, "decoder.load", "cannot open " + file + ": " + failure.message());
    sum += static_cast<int64_t>(size);
  }
  return sum;
}

}  // namespace semantic
