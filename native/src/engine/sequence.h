// What the engine knows of one sequence: its KV, the tokens in it, how it samples.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "encoder.h"
#include "engine/outcome.h"
#include "executor.h"
#include "sampling/sampler.h"

namespace semantic {

struct Sequence {
  int model;
  std::unique_ptr<SequenceKv> kv;
  std::vector<int32_t> tokens;  // [kv->length()]
  Sampler sampler;
  int32_t sampled = -1;  // what it sampled after the last of its tokens; -1: nothing
  bool loading = false;  // KV is on its way into it: nothing else may use it
  bool dropped = false;  // while it was loading
};

struct Model {
  std::unique_ptr<Executor> executor;
  int vocab_size;
  int context_length;
  std::optional<Settle<Done>> unloading;  // it goes when nobody reads or writes files for it any more
};

struct EncoderModel {
  std::unique_ptr<Encoder> encoder;
  int vocab_size;
  int context_length;
  int hidden_size;
};

}  // namespace semantic
