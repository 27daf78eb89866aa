// A counter-based generator: draw i of a seed is a hash of (seed, i), so it does not depend on what was drawn before.
#pragma once
#include <cstdint>

namespace semantic {

// SplitMix64's finalizer.
inline uint64_t mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Uniform in [0, 1), 53 bits.
inline double uniform_draw(uint64_t seed, uint64_t index) {
  return static_cast<double>(mix64(mix64(seed) ^ mix64(~index)) >> 11) * 0x1.0p-53;
}

}  // namespace semantic
