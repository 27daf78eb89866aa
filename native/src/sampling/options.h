// SamplingOptions of native/index.d.ts, field for field; ranges are checked where they are read.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace semantic {

struct SamplingOptions {
  double temperature = 0;
  int top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  double frequency_penalty = 0;
  double presence_penalty = 0;
  std::vector<std::pair<int32_t, float>> bias;  // (token, added logit)
  uint64_t seed = 0;
  int top_logprobs = 0;
  std::vector<int32_t> sampled;  // what was output before: draws and output counts go on from there
};

}  // namespace semantic
