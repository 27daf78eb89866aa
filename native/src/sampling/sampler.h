// Chooses the next token of one sequence from its logits, on the host.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "sampling/options.h"

namespace semantic {

struct SampledToken {
  int token = -1;
  float logprob = 0;                // of the unmodified distribution
  std::vector<int> top;             // [top_logprobs] best first
  std::vector<float> top_logprobs;  // [top_logprobs]
};

class Sampler {
 public:
  explicit Sampler(SamplingOptions options) : options_(std::move(options)), draws_(options_.sampled.size()) {
    for (const int32_t token : options_.sampled) ++output_counts_[token];
  }

  const SamplingOptions& options() const { return options_; }

  // `context`: every token of the sequence's KV, for the repetition penalty. `allowed`: a bit per token that may be chosen, at
  // least one set; empty = all may. Counts the sampled token as output. Throws Error(Backend) when a logit is not finite.
  SampledToken sample(std::span<const float> logits, std::span<const int32_t> context, std::span<const uint32_t> allowed);

 private:
  // The logits after mask, bias and penalties; `logits` itself when there are none.
  std::span<const float> adjust(std::span<const float> logits, std::span<const int32_t> context, std::span<const uint32_t> allowed);
  void mask(std::span<const uint32_t> allowed);
  void penalize_repetition(std::span<const int32_t> context);
  int draw(std::span<const float> logits);
  int draw_from_all(std::span<const float> logits, double u);
  int draw_from_best(std::span<const float> logits, double u);

  SamplingOptions options_;
  std::unordered_map<int32_t, int> output_counts_;
  uint64_t draws_ = 0;
  std::vector<float> adjusted_;       // [V]
  std::vector<float> probabilities_;  // [V], unnormalized
  std::vector<uint64_t> keys_;        // [V]
  std::vector<bool> seen_;            // [V]
};

}  // namespace semantic
