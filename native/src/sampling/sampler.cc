#include "sampling/sampler.h"

#include <algorithm>
#include <limits>

#include "error.h"
#include "sampling/distribution.h"
#include "sampling/uniform_draw.h"

namespace semantic {
namespace {

// Candidates sorted at first by top-p and min-p; grows fourfold until the nucleus is complete.
constexpr size_t kFirstCandidates = 256;

}  // namespace

SampledToken Sampler::sample(std::span<const float> logits, std::span<const int32_t> context, std::span<const uint32_t> allowed) {
  if (!all_finite(logits)) throw Error(ErrorCode::Backend, "sampling.sample", "the logits hold a NaN or an infinity");
  const int best = argmax_of(logits);
  const std::span<const float> adjusted = adjust(logits, context, allowed);
  SampledToken result;
  if (options_.temperature != 0) {
    result.token = draw(adjusted);
  } else {
    result.token = adjusted.data() == logits.data() ? best : argmax_of(adjusted);
  }
  ++draws_;
  ++output_counts_[result.token];

  const double normalizer = log_sum_exp(logits, logits[best]);
  result.logprob = static_cast<float>(logits[result.token] - normalizer);
  result.top = top_n(logits, options_.top_logprobs);
  for (const int token : result.top) result.top_logprobs.push_back(static_cast<float>(logits[token] - normalizer));
  return result;
}

std::span<const float> Sampler::adjust(std::span<const float> logits, std::span<const int32_t> context,
                                       std::span<const uint32_t> allowed) {
  const bool repetition = options_.repetition_penalty != 1;
  const bool counts = options_.frequency_penalty != 0 || options_.presence_penalty != 0;
  if (options_.bias.empty() && !repetition && !counts && allowed.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  if (!allowed.empty()) mask(allowed);
  for (const auto& [token, value] : options_.bias) adjusted_[token] += value;
  if (repetition) penalize_repetition(context);
  if (!counts) return adjusted_;
  for (const auto& [token, count] : output_counts_) {
    adjusted_[token] -= static_cast<float>(options_.frequency_penalty * count + options_.presence_penalty);
  }
  return adjusted_;
}

void Sampler::mask(std::span<const uint32_t> allowed) {
  for (size_t i = 0; i < adjusted_.size(); ++i) {
    if (!(allowed[i / 32] >> (i % 32) & 1U)) adjusted_[i] = -std::numeric_limits<float>::infinity();
  }
}

void Sampler::penalize_repetition(std::span<const int32_t> context) {
  seen_.assign(adjusted_.size(), false);
  const auto penalize = [&](int32_t token) {
    if (seen_[token]) return;
    seen_[token] = true;
    float& logit = adjusted_[token];
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    logit = logit > 0 ? logit / penalty : logit * penalty;
  };
  for (const int32_t token : context) penalize(token);
  for (const auto& [token, count] : output_counts_) penalize(token);
}

int Sampler::draw(std::span<const float> logits) {
  const double u = uniform_draw(options_.seed, draws_);
  const bool everything = options_.top_k == 0 && options_.top_p >= 1 && options_.min_p == 0;
  return everything ? draw_from_all(logits, u) : draw_from_best(logits, u);
}

int Sampler::draw_from_all(std::span<const float> logits, double u) {
  const auto scale = static_cast<float>(1.0 / options_.temperature);
  const double total = exp_scaled(logits, max_of(logits), scale, probabilities_);
  double left = u * total;
  int last = 0;
  for (size_t i = 0; i < probabilities_.size(); ++i) {
    if (probabilities_[i] == 0) continue;
    last = static_cast<int>(i);
    left -= probabilities_[i];
    if (left < 0) break;
  }
  return last;
}

int Sampler::draw_from_best(std::span<const float> logits, double u) {
  const size_t vocab = logits.size();
  const auto scale = static_cast<float>(1.0 / options_.temperature);
  double total = exp_scaled(logits, max_of(logits), scale, probabilities_);  // the best token has 1
  keys_.resize(vocab);
  for (size_t i = 0; i < vocab; ++i) keys_[i] = rank_key(logits[i], static_cast<uint32_t>(i));
  const auto at = [&](size_t rank) { return keys_.begin() + static_cast<ptrdiff_t>(rank); };

  size_t limit = vocab;  // tokens that top-k leaves
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < vocab) {
    limit = static_cast<size_t>(options_.top_k);
    std::nth_element(at(0), at(limit - 1), at(vocab));
    total = 0;
    for (size_t i = 0; i < limit; ++i) total += probabilities_[index_of(keys_[i])];
  }

  // The kept tokens are a prefix of the ranking: until top-p's mass is reached, while min-p holds.
  size_t sorted = 0;
  size_t kept = 0;
  double mass = 0;
  const double wanted = options_.top_p * total;
  while (kept < limit && (kept == 0 || mass < wanted)) {
    if (kept == sorted) {
      const size_t next = std::min(limit, std::max(kFirstCandidates, 4 * sorted));
      if (next < limit) std::nth_element(at(sorted), at(next - 1), at(limit));
      std::sort(at(sorted), at(next));
      sorted = next;
    }
    const double p = probabilities_[index_of(keys_[kept])];
    if (kept > 0 && (p < options_.min_p || p == 0)) break;
    mass += p;
    ++kept;
  }

  double left = u * mass;
  size_t chosen = 0;
  for (; chosen + 1 < kept; ++chosen) {
    left -= probabilities_[index_of(keys_[chosen])];
    if (left < 0) break;
  }
  return index_of(keys_[chosen]);
}

}  // namespace semantic
