// One step of a ragged batch and what comes back: StepPlan and StepResult of native/index.d.ts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace semantic {

// Words of a mask over the vocabulary.
inline size_t mask_words(int vocab_size) { return (static_cast<size_t>(vocab_size) + 31) / 32; }

// Stands for the token that a sequence sampled last, as the first of those it appends.
inline constexpr int32_t kSampledToken = -1;

struct StepPlan {
  std::vector<int32_t> sequences;  // [n]
  std::vector<int32_t> counts;     // [n]
  std::vector<int32_t> tokens;     // [sum(counts)]
  std::vector<uint8_t> sample;     // [n]
  bool all_logits = false;
  std::vector<int32_t> hidden;       // entries whose final hidden states are wanted, ascending
  std::vector<int32_t> masked;       // [m] entries whose token is chosen among those of a mask, ascending
  std::vector<uint32_t> mask_bits;   // [m, mask_words(vocab)] bit t % 32 of word t / 32: token t may be chosen
};

struct StepResult {
  std::vector<int32_t> tokens;       // [n], -1 where nothing was sampled
  std::vector<float> logprobs;       // [n]
  std::vector<int32_t> top_tokens;   // [n, top_width], padded with -1
  std::vector<float> top_logprobs;   // [n, top_width]
  int top_width = 0;
  std::vector<float> logits;         // [sum(counts), vocab] or empty
  std::vector<float> hidden;         // [sum(counts) of plan.hidden, hidden size]
  double step_micros = 0;
};

}  // namespace semantic
