#include "engine/engine.h"

#include <mlx/mlx.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <chrono>

#include "decoder/weight_estimate.h"
#include "engine/translate_error.h"
#include "engine/validate_plan.h"
#include "error.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

const char* device_name() {
  if (mx::default_device() == mx::Device::cpu) return "cpu";
  return mx::metal::is_available() ? "metal" : "cuda";
}

int64_t device_memory() {
  const auto& facts = mx::device_info(mx::default_device());
  for (const char* key : {"memory_size", "total_memory"}) {
    const auto found = facts.find(key);
    if (found == facts.end()) continue;
    if (const auto* bytes = std::get_if<size_t>(&found->second)) return static_cast<int64_t>(*bytes);
  }
  return 0;
}

// What was freed goes back to the system: glibc would keep the pages of a checkpoint's tensors for itself (measured: 110 MB of a model of 98).
void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void check_length(const Sequence& sequence, int length, const char* origin) {
  if (length >= 0 && length <= sequence.kv->length()) return;
  throw Error(ErrorCode::InvalidArgument, origin,
              "length should be in 0.." + std::to_string(sequence.kv->length()) + ", is " + std::to_string(length));
}

}  // namespace

Engine::Engine(const EngineOptions& options, Post post)
    : options_(options), post_(std::move(post)), writes_(IoThread::Priority::Low, resume()), reads_(IoThread::Priority::Normal, resume()) {
  if (options.profile) counters_.profile.emplace();
#ifdef SEMANTIC_CPU
  pool_ = make_thread_pool(options.threads, options.instruction_set);
  set_profile(*pool_, profile());
#endif
  mx::set_cache_limit(static_cast<size_t>(options.buffer_cache_bytes));
}

Engine::~Engine() {
  writes_.stop();
  reads_.stop();
  for (const auto& [id, model] : models_) {
    if (model.unloading) (*model.unloading)(closed_error())();
  }
  sequences_.clear();
  models_.clear();
  encoders_.clear();
  mx::clear_cache();
}

BackendInfo Engine::info() const {
  BackendInfo info{mx::version(), device_name(), "none", device_memory()};
#ifdef SEMANTIC_CPU
  info.instruction_set = instruction_set_of(*pool_);
#endif
  return info;
}

MemoryUse Engine::memory_use() const {
  MemoryUse use{0, gathered_bytes_};
  for (const auto& [id, model] : models_) {
    use.weights += model.executor->weight_bytes();
    use.kv += model.executor->kv_counters().bytes;
  }
  for (const auto& [id, model] : encoders_) use.weights += model.encoder->weight_bytes();
  return use;
}

EngineStats Engine::stats() const {
  EngineStats stats = counters_;
  const MemoryUse use = memory_use();
  stats.sequences = static_cast<int64_t>(sequences_.size());
  stats.weight_bytes = use.weights;
  stats.kv_bytes = use.kv - gathered_bytes_;
  for (const auto& [id, model] : models_) {
    stats.kv_growths += model.executor->kv_counters().growths;
    stats.kv_appends += model.executor->kv_counters().appends;
    stats.kv_copied_bytes += model.executor->kv_counters().copied_bytes;
    stats.kv_shared_reads += model.executor->kv_counters().shared_reads;
    stats.kv_shared_bytes += model.executor->kv_counters().shared_bytes;
  }
  stats.mlx_active_bytes = static_cast<int64_t>(mx::get_active_memory());
  stats.mlx_peak_bytes = static_cast<int64_t>(mx::get_peak_memory());
  stats.mlx_cache_bytes = static_cast<int64_t>(mx::get_cache_memory());
  return stats;
}

Model& Engine::model_of(int id) {
  const auto found = models_.find(id);
  if (found != models_.end() && !found->second.unloading) return found->second;
  throw Error(ErrorCode::InvalidArgument, "engine.model", "model " + std::to_string(id) + " does not exist");
}

Sequence& Engine::sequence_of(int id) {
  const auto found = sequences_.find(id);
  if (found != sequences_.end() && !found->second.loading) return found->second;
  if (found != sequences_.end()) throw Error(ErrorCode::InvalidArgument, "engine.sequence", "sequence " + std::to_string(id) + " is being loaded");
  throw Error(ErrorCode::InvalidArgument, "engine.sequence", "sequence " + std::to_string(id) + " does not exist");
}

template <class Options>
void Engine::admit_weights(const Options& options) const {
  // The mlx executor computes in f32 on a CPU and so widens 16-bit floats; everything else stays as large as its file.
  const bool widens = options.executor == ExecutorKind::Mlx && mx::default_device() == mx::Device::cpu;
  const int64_t in_file = total_file_bytes(options.files);
  const int64_t wanted = widens ? std::max(in_file, estimate_weight_bytes(options.spec, 4)) : in_file;
  admit(options_.memory_budget_bytes, memory_use(), wanted, "loading " + options.files.front());
}
template void Engine::admit_weights(const LoadOptions&) const;
template void Engine::admit_weights(const EncoderLoadOptions&) const;

std::unique_ptr<Executor> Engine::make_executor(const LoadOptions& options) {
  if (options.executor == ExecutorKind::Mlx && options.compute != Compute::Exact) {
    throw Error(ErrorCode::InvalidArgument, "engine.load",
                std::string("compute '") + compute_name(options.compute) + "' wants the cpu executor, got 'mlx', which is always exact");
  }
  admit_weights(options);
  TensorSource source(options.files, options.spec, *options_.loading);
  if (options.executor == ExecutorKind::Mlx) return make_mlx_executor(options.spec, source, options.kv_format);
#ifdef SEMANTIC_CPU
  return make_cpu_executor(options.spec, source, options.kv_format, options.compute, *pool_);
#else
  throw Error(ErrorCode::InvalidArgument, "engine.load", "this build of the addon has no cpu executor");
#endif
}

LoadedModel Engine::load_model(const LoadOptions& options) {
  try {
    const int id = next_model_++;
    Model model{make_executor(options), options.spec.vocab_size, options.spec.context_length, std::nullopt};
    mx::clear_cache();  // buffers of the checkpoint's own layout are of no use to steps
    return_freed_memory();
    const LoadedModel loaded{id, model.executor->weight_bytes(), model.executor->kv_bytes_per_token(), model.executor->kv_layout()};
    models_.emplace(id, std::move(model));
    return loaded;
  } catch (...) {
    mx::clear_cache();
    throw translate_error(std::current_exception(), "decoder.load");
  }
}

Delivery Engine::unload_model(int id, Settle<Done> settle) {
  if (encoders_.erase(id) > 0) {
    mx::clear_cache();
    return_freed_memory();
    return settle(Done{});
  }
  model_of(id).unloading = std::move(settle);
  for (auto& [sequence, state] : sequences_) state.dropped |= state.model == id;
  std::erase_if(sequences_, [&](const auto& entry) { return entry.second.dropped && !entry.second.loading; });
  return remove_unloading();
}

// Models that nobody reads or writes files for any more.
Delivery Engine::remove_unloading() {
  std::vector<Delivery> deliveries;
  for (auto it = models_.begin(); it != models_.end();) {
    const auto [id, next] = std::pair(it->first, std::next(it));
    if (it->second.unloading && !writes_.busy_with(id) && !reads_.busy_with(id)) {
      const Settle<Done> settle = *it->second.unloading;
      remove_model(id);
      deliveries.push_back(settle(Done{}));
    }
    it = next;
  }
  return [deliveries] {
    for (const Delivery& deliver : deliveries) deliver();
  };
}

void Engine::remove_model(int id) {
  const Model& model = models_.at(id);
  counters_.kv_growths += model.executor->kv_counters().growths;
  counters_.kv_appends += model.executor->kv_counters().appends;
  counters_.kv_copied_bytes += model.executor->kv_counters().copied_bytes;
  counters_.kv_shared_reads += model.executor->kv_counters().shared_reads;
  models_.erase(id);
  output_ = {};
  mx::clear_cache();
  return_freed_memory();
}

int Engine::create_sequence(int id, SamplingOptions sampling) {
  const Model& model = model_of(id);
  validate_sampling(sampling, model);
  const int sequence = next_sequence_++;
  sequences_.emplace(sequence, Sequence{id, model.executor->create_sequence(), {}, Sampler(std::move(sampling))});
  return sequence;
}

void Engine::drop_sequence(int id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return;
  found->second.dropped = true;
  if (!found->second.loading) sequences_.erase(found);
}

ForkedSequence Engine::fork_sequence(int id, int length, SamplingOptions sampling) {
  const Sequence& source = sequence_of(id);
  validate_sampling(sampling, models_.at(source.model));
  check_length(source, length, "engine.fork");
  Sequence fork{source.model, source.kv->fork(length), {}, Sampler(std::move(sampling))};
  const int kept = fork.kv->length();
  fork.tokens.assign(source.tokens.begin(), source.tokens.begin() + kept);
  const int sequence = next_sequence_++;
  sequences_.emplace(sequence, std::move(fork));
  return {sequence, kept};
}

void Engine::set_sampling(int id, SamplingOptions sampling) {
  Sequence& sequence = sequence_of(id);
  validate_sampling(sampling, models_.at(sequence.model));
  sequence.sampler = Sampler(std::move(sampling));
}

int Engine::truncate_sequence(int id, int length) {
  Sequence& sequence = sequence_of(id);
  check_length(sequence, length, "engine.truncate");
  const int kept = sequence.kv->truncate(length);
  sequence.tokens.resize(kept);
  sequence.sampled = -1;
  return kept;
}

void Engine::admit_step(const StepPlan& plan, const Model& model) {
  int64_t wanted = 0;
  int rows = 0, hidden_rows = 0;
  for (const int32_t i : plan.hidden) hidden_rows += plan.counts[i];
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    wanted += model.executor->kv_bytes_to_append(*sequences_.at(plan.sequences[i]).kv, plan.counts[i]);
    rows += plan.all_logits ? plan.counts[i] : plan.sample[i] != 0;
  }
  wanted += model.executor->scratch_bytes(static_cast<int>(plan.tokens.size()), rows, hidden_rows);
  admit(options_.memory_budget_bytes, memory_use(), wanted, "a step over " + std::to_string(plan.tokens.size()) + " tokens");
}

void Engine::run(const StepPlan& plan, Model& model) {
  std::vector<BatchEntry> batch;
  std::vector<int32_t> tokens = plan.tokens;
  size_t at = 0;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    const auto count = static_cast<size_t>(plan.counts[i]);
    Sequence& sequence = sequences_.at(plan.sequences[i]);
    if (tokens[at] == kSampledToken) tokens[at] = sequence.sampled;
    sequence.sampled = -1;
    batch.push_back({sequence.kv.get(), {tokens.data() + at, count}, plan.sample[i] != 0});
    at += count;
  }
  for (const int32_t i : plan.hidden) batch[static_cast<size_t>(i)].wants_hidden = true;
  model.executor->step(batch, plan.all_logits, output_);
  for (size_t i = 0; i < batch.size(); ++i) {
    auto& history = sequences_.at(plan.sequences[i]).tokens;
    history.insert(history.end(), batch[i].tokens.begin(), batch[i].tokens.end());
  }
}

void Engine::sample_entries(const StepPlan& plan, int vocab_size, StepResult& result) {
  const size_t n = plan.sequences.size();
  for (size_t i = 0; i < n; ++i) {
    if (!plan.sample[i]) continue;
    result.top_width = std::max(result.top_width, sequences_.at(plan.sequences[i]).sampler.options().top_logprobs);
  }
  const auto width = static_cast<size_t>(result.top_width);
  result.tokens.assign(n, -1);
  result.logprobs.assign(n, 0);
  result.top_tokens.assign(n * width, -1);
  result.top_logprobs.assign(n * width, 0);
  size_t row = 0;   // of the next logits
  size_t mask = 0;  // the next of plan.masked
  const size_t words = mask_words(vocab_size);
  for (size_t i = 0; i < n; ++i) {
    if (plan.all_logits) row += plan.counts[i];
    if (!plan.sample[i]) continue;
    if (!plan.all_logits) ++row;
    Sequence& sequence = sequences_.at(plan.sequences[i]);
    const std::span<const float> logits(output_.logits.data() + (row - 1) * vocab_size, vocab_size);
    std::span<const uint32_t> allowed;
    if (mask < plan.masked.size() && plan.masked[mask] == static_cast<int32_t>(i)) allowed = {plan.mask_bits.data() + words * mask++, words};
    const SampledToken sampled = sequence.sampler.sample(logits, sequence.tokens, allowed);
    result.tokens[i] = sequence.sampled = sampled.token;
    result.logprobs[i] = sampled.logprob;
    std::copy(sampled.top.begin(), sampled.top.end(), result.top_tokens.begin() + i * width);
    std::copy(sampled.top_logprobs.begin(), sampled.top_logprobs.end(), result.top_logprobs.begin() + i * width);
  }
}

void Engine::count_step(const StepPlan& plan) {
  ++counters_.steps;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    if (plan.counts[i] > 1 || !plan.sample[i]) counters_.tokens_prefilled += plan.counts[i];
    if (plan.sample[i]) ++counters_.tokens_decoded;
  }
}

StepResult Engine::step(const StepPlan& plan) {
  const StepClock clock(profile());
  const auto started = std::chrono::steady_clock::now();
  Model& model = models_.at(validate_plan(plan, sequences_, models_));
  admit_step(plan, model);
  try {
    StepResult result;
    run(plan, model);
    {
      const PartClock sampling(profile(), StepPart::Sampling);
      sample_entries(plan, model.vocab_size, result);
    }
    if (plan.all_logits) result.logits = std::move(output_.logits);
    if (!plan.hidden.empty()) result.hidden = std::move(output_.hidden);
    count_step(plan);
    result.step_micros = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count();
    return result;
  } catch (...) {
    const Error failure = translate_error(std::current_exception(), "engine.step");
    for (const int id : plan.sequences) sequences_.erase(id);
    throw failure;
  }
}

}  // namespace semantic
