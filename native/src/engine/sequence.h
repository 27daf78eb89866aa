// What the engine knows of one sequence: its KV, the tokens in it, how it samples.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "executor.h"
#include "sampling/sampler.h"

namespace semantic {

struct Sequence {
  int model;
  std::unique_ptr<SequenceKv> kv;
  std::vector<int32_t> tokens;  // [kv->length()]
  Sampler sampler;
};

struct Model {
  std::unique_ptr<Executor> executor;
  int vocab_size;
  int context_length;
};

}  // namespace semantic
