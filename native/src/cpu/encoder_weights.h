// An encoder's weights as the cpu executor holds them.
#pragma once
#include <cstdint>
#include <vector>

#include "cpu/weights.h"
#include "encoder/spec.h"

namespace semantic::cpu {

struct LayerNorm {
  std::vector<float> weight, bias;
  float eps = 0;
};

struct EncoderLayerWeights {
  Linear q, k, v, o;
  LayerNorm attention_norm;
  Linear up, down;
  LayerNorm feed_forward_norm;
};

struct EncoderWeights {
  WeightArena arena;
  Linear embedding;
  std::vector<float> positions;  // [context_length][hidden], the token type's row added
  LayerNorm embedding_norm;
  std::vector<EncoderLayerWeights> layers;
  int64_t bytes = 0;
};

// Takes every tensor from the source, one at a time. Throws Error(ModelFile | OutOfMemory, "cpu.load").
EncoderWeights load_weights(const EncoderSpec& spec, TensorSource& source, ThreadPool& pool);

}  // namespace semantic::cpu
