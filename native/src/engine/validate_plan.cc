#include "engine/validate_plan.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_set>

#include "error.h"

namespace semantic {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::InvalidArgument, "engine.step", message); }

std::string entry(size_t i) { return "entry " + std::to_string(i); }

void check_lengths(const StepPlan& plan) {
  const size_t n = plan.sequences.size();
  if (n == 0) refuse("the plan has no sequence");
  if (plan.counts.size() != n || plan.sample.size() != n) {
    refuse("sequences, counts and sample should be equally long, have " + std::to_string(n) + ", " +
           std::to_string(plan.counts.size()) + " and " + std::to_string(plan.sample.size()));
  }
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    if (plan.counts[i] < 1) refuse(entry(i) + " should have a count of at least 1, has " + std::to_string(plan.counts[i]));
    sum += plan.counts[i];
  }
  if (sum != static_cast<int64_t>(plan.tokens.size())) {
    refuse("counts add up to " + std::to_string(sum) + " tokens, the plan has " + std::to_string(plan.tokens.size()));
  }
}

void check_masks(const StepPlan& plan, int vocab_size) {
  const size_t words = mask_words(vocab_size);
  if (plan.mask_bits.size() != plan.masked.size() * words) {
    refuse("masks.bits should have " + std::to_string(plan.masked.size()) + " rows of " + std::to_string(words) + " words, has " +
           std::to_string(plan.mask_bits.size()) + " words");
  }
  int32_t before = -1;
  for (size_t row = 0; row < plan.masked.size(); ++row) {
    const int32_t i = plan.masked[row];
    if (i <= before || static_cast<size_t>(i) >= plan.sequences.size() || !plan.sample[i]) {
      refuse("masks.entries should be ascending indices of entries that sample, has " + std::to_string(i));
    }
    before = i;
    const auto bits = plan.mask_bits.begin() + static_cast<ptrdiff_t>(row * words);
    bool any = std::any_of(bits, bits + static_cast<ptrdiff_t>(vocab_size / 32), [](uint32_t word) { return word != 0; });
    if (vocab_size % 32 != 0) any |= (bits[vocab_size / 32] & ((1U << (vocab_size % 32)) - 1)) != 0;
    if (!any) refuse("the mask of " + entry(static_cast<size_t>(i)) + " allows no token");
  }
}

void check_hidden(const StepPlan& plan) {
  int32_t before = -1;
  for (const int32_t i : plan.hidden) {
    if (i <= before || static_cast<size_t>(i) >= plan.sequences.size()) {
      refuse("hidden should be ascending indices of entries, has " + std::to_string(i));
    }
    before = i;
  }
}

}  // namespace

int validate_plan(const StepPlan& plan, const std::unordered_map<int, Sequence>& sequences,
                  const std::unordered_map<int, Model>& models) {
  check_lengths(plan);
  std::unordered_set<int> planned;
  std::optional<int> model;
  size_t token = 0;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    const int id = plan.sequences[i];
    const auto found = sequences.find(id);
    if (found == sequences.end()) refuse(entry(i) + " names sequence " + std::to_string(id) + ", which does not exist");
    if (!planned.insert(id).second) refuse("sequence " + std::to_string(id) + " is in the plan twice");
    const Sequence& sequence = found->second;
    if (sequence.loading) refuse("sequence " + std::to_string(id) + " is being loaded");
    if (model.value_or(sequence.model) != sequence.model) refuse("the plan mixes sequences of two models");
    model = sequence.model;
    const Model& of = models.at(sequence.model);
    const int64_t length = int64_t{sequence.kv->length()} + plan.counts[i];
    if (length > of.context_length) {
      refuse(entry(i) + " would make sequence " + std::to_string(id) + " " + std::to_string(length) +
             " tokens long, the context holds " + std::to_string(of.context_length));
    }
    for (int t = 0; t < plan.counts[i]; ++t, ++token) {
      const int32_t value = plan.tokens[token];
      if (value == kSampledToken && t == 0) {
        if (sequence.sampled < 0) refuse(entry(i) + " wants what sequence " + std::to_string(id) + " sampled last, which sampled nothing after its last token");
        continue;
      }
      if (value < 0 || value >= of.vocab_size) {
        refuse("token " + std::to_string(value) + " at index " + std::to_string(token) + " is outside the vocabulary of " +
               std::to_string(of.vocab_size));
      }
    }
  }
  check_hidden(plan);
  check_masks(plan, models.at(*model).vocab_size);
  return *model;
}

void validate_sampling(const SamplingOptions& options, const Model& model) {
  for (const auto& [token, value] : options.bias) {
    if (token >= 0 && token < model.vocab_size) continue;
    throw Error(ErrorCode::InvalidArgument, "engine.sampling",
                "biasTokens holds " + std::to_string(token) + ", the vocabulary has " + std::to_string(model.vocab_size));
  }
  for (const int32_t token : options.sampled) {
    if (token >= 0 && token < model.vocab_size) continue;
    throw Error(ErrorCode::InvalidArgument, "engine.sampling",
                "sampled holds " + std::to_string(token) + ", the vocabulary has " + std::to_string(model.vocab_size));
  }
}

}  // namespace semantic
