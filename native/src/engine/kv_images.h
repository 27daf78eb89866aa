// KvImage and SavedKvImage of native/index.d.ts, and what makes a list of them one that can be saved or loaded.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "executor.h"

namespace semantic {

struct KvImage {
  int start, count;
  std::vector<int32_t> layers;
  int64_t offset;
  uint64_t seed;
};

struct SavedKvImage : KvImage {
  int fd;
  uint64_t checksum;
};

// Throws Error(InvalidArgument, origin) for layers that do not exist or come twice.
void validate_layers(std::span<const int32_t> layers, const KvLayout& layout, const std::string& name, const char* origin);
// As above, for images of what `kv` does not hold.
void validate_save(std::span<const KvImage> images, const SequenceKv& kv, const KvLayout& layout);
// As above, for images that are not, each once, what every layer of `kv` needs to be `tokens` longer.
void validate_load(std::span<const SavedKvImage> images, int tokens, int kept, const SequenceKv& kv, const KvLayout& layout);

}  // namespace semantic
