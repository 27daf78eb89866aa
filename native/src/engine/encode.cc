// Encoders of the engine: loading them, and batches of inputs through them.
#include <mlx/mlx.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/engine.h"
#include "engine/translate_error.h"
#include "error.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::InvalidArgument, "engine.encode", message); }

}  // namespace

void validate_encode(const EncodePlan& plan, const EncoderModel& model) {
  if (plan.counts.empty()) refuse("a plan without inputs");
  int64_t sum = 0;
  for (size_t i = 0; i < plan.counts.size(); ++i) {
    const int count = plan.counts[i];
    if (count < 1 || count > model.context_length) {
      refuse("counts[" + std::to_string(i) + "] should be in 1.." + std::to_string(model.context_length) + ", is " + std::to_string(count));
    }
    sum += count;
  }
  if (sum != static_cast<int64_t>(plan.tokens.size())) {
    refuse("tokens should have the length " + std::to_string(sum) + ", the sum of counts, has " + std::to_string(plan.tokens.size()));
  }
  for (const int32_t token : plan.tokens) {
    if (token < 0 || token >= model.vocab_size) {
      refuse("token " + std::to_string(token) + " out of range 0.." + std::to_string(model.vocab_size - 1));
    }
  }
}

std::unique_ptr<Encoder> Engine::make_encoder(const EncoderLoadOptions& options) {
  admit_weights(options);
  TensorSource source(options.files, options.spec, *options_.loading);
  if (options.executor == ExecutorKind::Mlx) return make_mlx_encoder(options.spec, source);
#ifdef SEMANTIC_CPU
  return make_cpu_encoder(options.spec, source, *pool_);
#else
  throw Error(ErrorCode::InvalidArgument, "engine.load", "this build of the addon has no cpu executor");
#endif
}

LoadedEncoder Engine::load_encoder(const EncoderLoadOptions& options) {
  try {
    const int id = next_model_++;
    EncoderModel model{make_encoder(options), options.spec.vocab_size, options.spec.context_length, options.spec.hidden_size};
    mx::clear_cache();  // buffers of the checkpoint's own layout are of no use to batches
    const LoadedEncoder loaded{id, model.encoder->weight_bytes()};
    encoders_.emplace(id, std::move(model));
    return loaded;
  } catch (...) {
    mx::clear_cache();
    throw translate_error(std::current_exception(), "encoder.load");
  }
}

EncodeResult Engine::encode(const EncodePlan& plan) {
  const auto started = std::chrono::steady_clock::now();
  const auto found = encoders_.find(plan.model);
  if (found == encoders_.end()) throw Error(ErrorCode::InvalidArgument, "engine.model", "encoder " + std::to_string(plan.model) + " does not exist");
  EncoderModel& model = found->second;
  validate_encode(plan, model);
  const auto count = static_cast<int64_t>(plan.tokens.size());
  const int64_t vectors = static_cast<int64_t>(plan.counts.size()) * model.hidden_size * static_cast<int64_t>(sizeof(float));
  const int longest = *std::max_element(plan.counts.begin(), plan.counts.end());
  admit(options_.memory_budget_bytes, memory_use(), model.encoder->scratch_bytes(count, static_cast<int>(plan.counts.size()), longest) + vectors,
        "encoding " + std::to_string(count) + " tokens");
  std::vector<std::span<const int32_t>> inputs;
  const int32_t* next = plan.tokens.data();
  for (const int32_t tokens : plan.counts) {
    inputs.emplace_back(next, static_cast<size_t>(tokens));
    next += tokens;
  }
  EncodeResult result;
  try {
    model.encoder->encode(inputs, plan.pooling, result.vectors);
  } catch (...) {
    throw translate_error(std::current_exception(), "engine.encode");
  }
  ++counters_.encodes;
  counters_.tokens_encoded += count;
  result.encode_micros = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count();
  return result;
}

}  // namespace semantic
