// EncoderSpec of src/core/domain/encoder-spec.ts, as C++ data. Field for field the same; see there for meanings.
#pragma once
#include <string>
#include <vector>

#include "decoder/spec.h"

namespace semantic {

struct LayerNormSpec {
  TensorRef weight, bias;
  float eps;
};

struct EncoderLayerSpec {
  LinearSpec q, k, v, o;
  LayerNormSpec attention_norm;
  LinearSpec up, down;
  LayerNormSpec feed_forward_norm;
};

struct EncoderSpec {
  std::string architecture;
  int vocab_size, hidden_size, context_length;
  int heads, head_dim, width;
  float scale;
  LinearSpec embedding;
  TensorRef positions;   // [context_length, hidden_size]
  TensorRef token_type;  // [hidden_size]
  LayerNormSpec embedding_norm;
  std::vector<EncoderLayerSpec> layers;
};

}  // namespace semantic
