// XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), fed piece by piece.
#pragma once
#include <cstddef>
#include <cstdint>

namespace semantic {

class Xxh64 {
 public:
  explicit Xxh64(uint64_t seed);
  void update(const void* data, size_t bytes);
  uint64_t digest() const;

 private:
  uint64_t seed_;
  uint64_t lanes_[4];
  uint64_t length_ = 0;
  unsigned char tail_[32];  // [length_ % 32]: not yet in the lanes
};

}  // namespace semantic
