// Whole-row arithmetic over logits [V], written in lanes so that compilers vectorize it without fast-math.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace semantic {

bool all_finite(std::span<const float> x);
float max_of(std::span<const float> x);
int argmax_of(std::span<const float> x);  // the lowest index of the largest value
// log(sum(exp(x))), given max_of(x).
double log_sum_exp(std::span<const float> x, float max);
// out[i] = exp((x[i] - max) * scale); returns the sum.
double exp_scaled(std::span<const float> x, float max, float scale, std::vector<float>& out);

// A float's rank and its index in one integer: ascending keys = descending value, then ascending index.
uint64_t rank_key(float value, uint32_t index);
inline int index_of(uint64_t key) { return static_cast<int>(key & 0xFFFFFFFFU); }

// Indices of the n largest, best first, the lower index first among equals.
std::vector<int> top_n(std::span<const float> x, int n);

}  // namespace semantic
