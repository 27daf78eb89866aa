// Where a model's weights lie: few large slabs, so that they can sit in huge pages. A matrix alone is often smaller than one,
// and with 4 kB pages decoding pays for address translation.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/page_buffer.h"

namespace semantic::cpu {

class WeightArena {
 public:
  // Zeroed bytes, 64-aligned, that live as long as the arena. Throws Error(OutOfMemory, "cpu.load").
  unsigned char* take(size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > left_) {
      left_ = std::max(bytes, kSlabBytes);
      slabs_.emplace_back(left_, "cpu.load");
      next_ = slabs_.back().as<unsigned char>();
    }
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }

 private:
  static constexpr size_t kSlabBytes = size_t{32} << 20;  // pages that nothing was written to take no memory
  std::vector<PageBuffer> slabs_;
  unsigned char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace semantic::cpu
