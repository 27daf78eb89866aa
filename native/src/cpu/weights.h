// A decoder's weights as the cpu executor holds them.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/panel_matrix.h"
#include "cpu/thread_pool.h"
#include "cpu/weight_arena.h"
#include "decoder/spec.h"
#include "decoder/tensor_source.h"

namespace semantic::cpu {

struct Linear {
  PanelMatrix matrix;
  std::vector<float> bias;  // [experts * panels * 16], or empty; matrix.bias points here

  int out() const { return matrix.out; }
  int in() const { return matrix.in; }
};

struct Norm {
  std::vector<float> weight;  // the offset is already added
  float eps = 0;
};

struct AttentionWeights {
  Linear q, k, v, o;
  std::optional<Linear> gate;
  std::optional<Norm> q_norm, k_norm;
  std::vector<float> sinks;  // [heads], or empty
};

struct DeltaWeights {
  Linear q, k, v, z, b, a, o;
  std::vector<float> conv;              // [kernel][conv_stride]
  ptrdiff_t conv_stride = 0;
  std::vector<float> decay, dt_bias;    // [value_heads]: exp(a_log), and as it is
  std::vector<float> q_scale, k_scale;  // [key_dim] all alike: weights of the norms over q and k
  Norm norm;
};

struct FeedForwardWeights {
  std::optional<Linear> router;  // set: a mixture of experts
  Linear gate, up, down;
};

struct LayerWeights {
  Norm input_norm, feed_forward_norm;
  std::optional<Norm> post_attention_norm, post_feed_forward_norm;
  AttentionWeights attention;              // empty where there is a recurrence
  std::optional<DeltaWeights> recurrence;
  FeedForwardWeights feed_forward;
};

struct Weights {
  WeightArena arena;
  Linear embedding;
  std::vector<LayerWeights> layers;
  Norm final_norm;
  std::optional<Linear> head;  // none: tied
  int64_t bytes = 0;

  const Linear& output() const { return head ? *head : embedding; }
};

// Takes every tensor from the source, one at a time. Throws Error(ModelFile | OutOfMemory, "cpu.load").
Weights load_weights(const DecoderSpec& spec, TensorSource& source, ThreadPool& pool);

}  // namespace semantic::cpu
