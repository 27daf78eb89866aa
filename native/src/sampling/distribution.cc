#include "sampling/distribution.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

// Compiled once per instruction set; the loader chooses. The bits are the same, since lanes are fixed and nothing is fused.
#if defined(__x86_64__) && defined(__linux__)
#define SEMANTIC_PER_INSTRUCTION_SET __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define SEMANTIC_PER_INSTRUCTION_SET
#endif

namespace semantic {
namespace {

constexpr size_t kLanes = 16;
// Floats are summed within a chunk, chunks in double: the error stays that of a few thousand additions.
constexpr size_t kChunk = 4096;

// exp(x) for x <= 0 within 2e-7 relative: 2^n * p(r), r in [-ln2/2, ln2/2]. Below -87 the result is 0.
inline float exp_negative(float x) {
  const float clamped = x < -87.0F ? -87.0F : x;
  const float shifted = clamped * 1.44269504F + 12582912.0F;  // adding 1.5 * 2^23 rounds to the nearest integer
  const float n = shifted - 12582912.0F;
  const float r = (clamped - n * 0.693145752F) - n * 1.42860677e-6F;
  float p = 1.98756915e-4F;
  p = p * r + 1.39819995e-3F;
  p = p * r + 8.33345205e-3F;
  p = p * r + 4.16657962e-2F;
  p = p * r + 1.66666657e-1F;
  p = p * r + 5.00000000e-1F;
  p = p * r * r + r + 1.0F;
  const int32_t exponent = (static_cast<int32_t>(n) + 127) << 23;
  const float result = p * std::bit_cast<float>(exponent);
  return x < -87.0F ? 0.0F : result;
}

}  // namespace

SEMANTIC_PER_INSTRUCTION_SET
bool all_finite(std::span<const float> x) {
  std::array<float, kLanes> lanes{};  // x - x is 0, or NaN when x is not finite
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) lanes[l] += x[i + l] - x[i + l];
  }
  for (; i < x.size(); ++i) lanes[0] += x[i] - x[i];
  return std::all_of(lanes.begin(), lanes.end(), [](float lane) { return lane == 0.0F; });
}

SEMANTIC_PER_INSTRUCTION_SET
float max_of(std::span<const float> x) {
  std::array<float, kLanes> lanes;
  lanes.fill(x.front());
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) lanes[l] = lanes[l] < x[i + l] ? x[i + l] : lanes[l];
  }
  for (; i < x.size(); ++i) lanes[0] = std::max(lanes[0], x[i]);
  return *std::max_element(lanes.begin(), lanes.end());
}

int argmax_of(std::span<const float> x) {
  size_t best = 0;  // of the first chunk that holds the largest value
  float max = x.front();
  for (size_t from = 0; from < x.size(); from += kChunk) {
    const float largest = max_of(x.subspan(from, std::min(kChunk, x.size() - from)));
    if (largest > max) {
      max = largest;
      best = from;
    }
  }
  return static_cast<int>(std::find(x.begin() + static_cast<ptrdiff_t>(best), x.end(), max) - x.begin());
}

SEMANTIC_PER_INSTRUCTION_SET
double exp_scaled(std::span<const float> x, float max, float scale, std::vector<float>& out) {
  out.resize(x.size());
  const float* const logit = x.data();
  float* const to = out.data();
  double sum = 0;
  for (size_t from = 0; from < x.size(); from += kChunk) {
    const size_t end = std::min(x.size(), from + kChunk);
    for (size_t i = from; i < end; ++i) to[i] = exp_negative((logit[i] - max) * scale);
    std::array<float, kLanes> lanes{};
    size_t i = from;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t l = 0; l < kLanes; ++l) lanes[l] += to[i + l];
    }
    for (; i < end; ++i) lanes[0] += to[i];
    for (const float lane : lanes) sum += lane;
  }
  return sum;
}

SEMANTIC_PER_INSTRUCTION_SET
double log_sum_exp(std::span<const float> x, float max) {
  double sum = 0;
  for (size_t from = 0; from < x.size(); from += kChunk) {
    const size_t end = std::min(x.size(), from + kChunk);
    std::array<float, kLanes> lanes{};
    size_t i = from;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t l = 0; l < kLanes; ++l) lanes[l] += exp_negative(x[i + l] - max);
    }
    for (; i < end; ++i) lanes[0] += exp_negative(x[i] - max);
    for (const float lane : lanes) sum += lane;
  }
  return max + std::log(sum);
}

uint64_t rank_key(float value, uint32_t index) {
  const uint32_t bits = std::bit_cast<uint32_t>(value + 0.0F);  // -0 ranks as +0
  const uint32_t ascending = (bits & 0x80000000U) ? ~bits : bits | 0x80000000U;
  return (uint64_t{~ascending} << 32) | index;
}

std::vector<int> top_n(std::span<const float> x, int n) {
  const size_t count = std::min(x.size(), static_cast<size_t>(std::max(n, 0)));
  if (count == 0) return {};
  std::vector<uint64_t> best;  // a heap whose front is the worst of the best
  for (size_t i = 0; i < x.size(); ++i) {
    const uint64_t key = rank_key(x[i], static_cast<uint32_t>(i));
    if (best.size() == count && key >= best.front()) continue;
    if (best.size() == count) {
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.push_back(key);
    std::push_heap(best.begin(), best.end());
  }
  std::sort_heap(best.begin(), best.end());
  std::vector<int> indices;
  for (const uint64_t key : best) indices.push_back(index_of(key));
  return indices;
}

}  // namespace semantic
