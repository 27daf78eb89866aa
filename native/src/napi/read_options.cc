#include "napi/read_options.h"

#include <cmath>
#include <limits>

#include "napi/read_spec.h"

namespace semantic {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargestPenalty = 1e6;
constexpr int kMostTopLogprobs = 20;

KvImage read_kv_image(const ObjectReader& o) {
  return {o.integer("start", 0), o.integer("count", 1), o.int32s("layers"), o.bytes("offset"), o.uint64("seed")};
}

}  // namespace

EngineOptions read_engine_options(const Napi::Value& value) {
  const ObjectReader o(value, "options");
  const std::vector<std::string> sets{"auto", "avx512", "avx2", "neon", "portable"};
  return {o.integer("threads", 1), o.bytes("memoryBudgetBytes"), o.bytes("bufferCacheBytes"), sets[o.choice("instructionSet", sets)],
          o.flag("profile")};
}

LoadOptions read_load_options(const Napi::Value& value) {
  const ObjectReader o(value, "options");
  LoadOptions options{read_spec(o.object("spec")), o.texts("files"),
                      static_cast<ExecutorKind>(o.choice("executor", {"mlx", "cpu"})),
                      static_cast<KvFormat>(o.choice("kvFormat", {"f32", "f16", "bf16", "q8", "q4"})),
                      o.is_null("compute") ? Compute::Exact : static_cast<Compute>(o.choice("compute", {"exact", "int8x2", "int8"}))};
  if (options.files.empty()) o.refuse("files", "an array of at least one path");
  return options;
}

EncoderLoadOptions read_encoder_load_options(const Napi::Value& value) {
  const ObjectReader o(value, "options");
  EncoderLoadOptions options{read_encoder_spec(o.object("spec")), o.texts("files"), static_cast<ExecutorKind>(o.choice("executor", {"mlx", "cpu"}))};
  if (options.files.empty()) o.refuse("files", "an array of at least one path");
  return options;
}

EncodePlan read_encode_plan(const Napi::Value& value) {
  const ObjectReader o(value, "plan");
  return {o.integer("model", 1), o.int32s("counts"), o.int32s("tokens"), static_cast<Pooling>(o.choice("pooling", {"mean", "first", "last"}))};
}

SamplingOptions read_sampling(const Napi::Value& value) {
  const ObjectReader o(value, "sampling");
  SamplingOptions s;
  s.temperature = o.number("temperature", 0, kInfinity);
  s.top_k = o.integer("topK", 0);
  s.top_p = o.number("topP", 0, 1);
  s.min_p = o.number("minP", 0, 1);
  s.repetition_penalty = o.number("repetitionPenalty", 0, kLargestPenalty);
  if (s.repetition_penalty == 0) o.refuse("repetitionPenalty", "greater than 0");
  s.frequency_penalty = o.number("frequencyPenalty", -kLargestPenalty, kLargestPenalty);
  s.presence_penalty = o.number("presencePenalty", -kLargestPenalty, kLargestPenalty);
  s.seed = o.uint64("seed");
  s.top_logprobs = o.integer("topLogprobs", 0);
  if (s.top_logprobs > kMostTopLogprobs) o.refuse("topLogprobs", "at most " + std::to_string(kMostTopLogprobs));
  if (!o.is_null("sampled")) s.sampled = o.int32s("sampled");
  const auto tokens = o.int32s("biasTokens");
  const auto values = o.float32s("biasValues");
  if (tokens.size() != values.size()) o.refuse("biasValues", "as long as biasTokens");
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!std::isfinite(values[i])) o.refuse("biasValues", "an array of finite numbers");
    s.bias.emplace_back(tokens[i], values[i]);
  }
  return s;
}

StepPlan read_plan(const Napi::Value& value) {
  const ObjectReader o(value, "plan");
  StepPlan plan{o.int32s("sequences"), o.int32s("counts"), o.int32s("tokens"), o.uint8s("sample"),
                o.choice("logits", {"none", "all"}) == 1, {}, {}, {}};
  if (!o.is_null("hidden")) plan.hidden = o.int32s("hidden");
  if (o.is_null("masks")) return plan;
  const ObjectReader masks = o.object("masks");
  plan.masked = masks.int32s("entries");
  plan.mask_bits = masks.uint32s("bits");
  return plan;
}

std::vector<KvImage> read_kv_images(const Napi::Value& value) {
  std::vector<KvImage> images;
  for (const ObjectReader& o : read_objects(value, "images")) images.push_back(read_kv_image(o));
  return images;
}

std::vector<SavedKvImage> read_saved_kv_images(const Napi::Value& value) {
  std::vector<SavedKvImage> images;
  for (const ObjectReader& o : read_objects(value, "images")) images.push_back({read_kv_image(o), o.integer("fd", 0), o.uint64("checksum")});
  return images;
}

}  // namespace semantic
