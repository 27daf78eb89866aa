// The memory budget: commands ask before anything is allocated, because running out on a CPU is a crash.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace semantic {

struct MemoryUse {
  int64_t weights;  // bytes
  int64_t kv;       // bytes; what was gathered to be saved included
};

// Throws Error(OutOfMemory, "engine.admit") with the figures when `wanted` more bytes would pass the budget.
void admit(int64_t budget, MemoryUse use, int64_t wanted, const std::string& purpose);

// Throws Error(ModelFile) naming a file that is not there.
int64_t total_file_bytes(const std::vector<std::string>& files);

}  // namespace semantic
