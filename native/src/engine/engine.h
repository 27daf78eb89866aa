// The engine proper: models, sequences, steps, counters. Single-threaded; lives on the engine thread (command_thread.h).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "decoder/load_progress.h"
#include "encoder.h"
#include "engine/admission.h"
#include "engine/encode_plan.h"
#include "engine/file_tasks.h"
#include "engine/kv_images.h"
#include "engine/kv_save.h"
#include "engine/sequence.h"
#include "engine/step_plan.h"
#include "step_profile.h"

namespace semantic {

struct EngineOptions {
  int threads;
  int64_t memory_budget_bytes;
  int64_t buffer_cache_bytes;
  std::string instruction_set;
  bool profile;  // count where the time of steps goes
  std::shared_ptr<LoadProgress> loading = std::make_shared<LoadProgress>();
};

enum class ExecutorKind { Mlx, Cpu };

struct LoadOptions {
  DecoderSpec spec;
  std::vector<std::string> files;
  ExecutorKind executor;
  KvFormat kv_format;
  Compute compute;
};

struct EncoderLoadOptions {
  EncoderSpec spec;
  std::vector<std::string> files;
  ExecutorKind executor;
};

struct LoadedEncoder {
  int model;
  int64_t weight_bytes;
};

struct LoadedModel {
  int model;
  int64_t weight_bytes;
  int64_t kv_bytes_per_token;
  std::shared_ptr<const KvLayout> kv_layout;
};

struct EngineStats {
  int64_t steps = 0, tokens_prefilled = 0, tokens_decoded = 0, sequences = 0;
  int64_t encodes = 0, tokens_encoded = 0;
  int64_t weight_bytes = 0, kv_bytes = 0, kv_shared_bytes = 0;
  int64_t loading_bytes = 0, loaded_bytes = 0;
  int64_t mlx_active_bytes = 0, mlx_peak_bytes = 0, mlx_cache_bytes = 0;
  int64_t kv_growths = 0, kv_appends = 0, kv_copied_bytes = 0, kv_shared_reads = 0;
  std::optional<StepProfile> profile;
};

struct ForkedSequence {
  int sequence;
  int length;
};

struct BackendInfo {
  std::string mlx_version, device, instruction_set;
  int64_t device_memory_bytes = 0;
};

class Engine {
 public:
  // `post` puts a command into the queue of the thread that owns the engine.
  using Command = std::function<Delivery(Engine*)>;
  using Post = std::function<void(Command)>;
  Engine(const EngineOptions& options, Post post);
  ~Engine();

  BackendInfo info() const;
  EngineStats stats() const;

  LoadedModel load_model(const LoadOptions& options);
  LoadedEncoder load_encoder(const EncoderLoadOptions& options);
  EncodeResult encode(const EncodePlan& plan);
  // Settles when files that are read or written for the model are done with.
  Delivery unload_model(int model, Settle<Done> settle);
  int create_sequence(int model, SamplingOptions sampling);
  ForkedSequence fork_sequence(int sequence, int length, SamplingOptions sampling);
  void set_sampling(int sequence, SamplingOptions sampling);
  int truncate_sequence(int sequence, int length);
  void drop_sequence(int sequence);
  Delivery save_kv(int sequence, int fd, std::vector<KvImage> images, Settle<std::vector<uint64_t>> settle);
  Delivery load_kv(int sequence, std::vector<int32_t> tokens, std::vector<SavedKvImage> images, int length, Settle<Done> settle);
  Delivery checksum_file(int fd, int64_t offset, int64_t bytes, uint64_t seed, Settle<uint64_t> settle);
  StepResult step(const StepPlan& plan);

 private:
  MemoryUse memory_use() const;
  std::unique_ptr<Executor> make_executor(const LoadOptions& options);
  std::unique_ptr<Encoder> make_encoder(const EncoderLoadOptions& options);
  template <class Options>
  void admit_weights(const Options& options) const;
  Model& model_of(int id);
  Sequence& sequence_of(int id);
  void remove_model(int id);
  Delivery remove_unloading();
  FileTasks::Resume resume();
  void continue_save(const std::shared_ptr<KvSave>& save, int model);
  std::optional<Error> finish_load(int sequence, const std::vector<int32_t>& tokens, int length, std::unique_ptr<SequenceKv> kv, const Error* failure);
  void admit_step(const StepPlan& plan, const Model& model);
  void run(const StepPlan& plan, Model& model);
  void sample_entries(const StepPlan& plan, int vocab_size, StepResult& result);
  void count_step(const StepPlan& plan);
  StepProfile* profile() { return counters_.profile ? &*counters_.profile : nullptr; }

  EngineOptions options_;
  Post post_;
  std::shared_ptr<ThreadPool> pool_;
  std::unordered_map<int, Model> models_;
  std::unordered_map<int, EncoderModel> encoders_;  // ids are of one series with the models'
  std::unordered_map<int, Sequence> sequences_;  // destroyed before the executors they belong to
  BatchOutput output_;  // of the last step: its memory serves the next one
  int next_model_ = 1;
  int next_sequence_ = 1;
  FileTasks writes_, reads_;
  int64_t gathered_bytes_ = 0;  // memory beside KV of what is being saved
  EngineStats counters_;  // the cumulative fields; growths, appends and copies of unloaded models
};

}  // namespace semantic
