#include <cmath>

#include "cpu/weight_loader.h"
#include "cpu/weights.h"

namespace semantic::cpu {
namespace {

AttentionWeights load_attention(const AttentionSpec& spec, WeightLoader& load) {
  AttentionWeights out;
  out.q = load.linear(spec.q);
  out.k = load.linear(spec.k);
  out.v = load.linear(spec.v);
  out.o = load.linear(spec.o);
  if (spec.gate) out.gate = load.linear(*spec.gate);
  out.q_norm = load.norm(spec.q_norm, spec.head_dim);
  out.k_norm = load.norm(spec.k_norm, spec.head_dim);
  if (spec.sinks) out.sinks = load.vector(*spec.sinks, spec.heads);
  return out;
}

DeltaWeights load_recurrence(const GatedDeltaSpec& spec, WeightLoader& load) {
  DeltaWeights out;
  out.q = load.linear(spec.q);
  out.k = load.linear(spec.k);
  out.v = load.linear(spec.v);
  out.z = load.linear(spec.z);
  out.b = load.linear(spec.b);
  out.a = load.linear(spec.a);
  out.o = load.linear(spec.o);
  const int channels = spec.channels();
  const std::vector<float> conv = load.table(spec.conv, channels, spec.kernel);
  out.conv_stride = (channels + kLanes - 1) / kLanes * kLanes;
  out.conv.assign(static_cast<size_t>(spec.kernel * out.conv_stride), 0.0f);
  for (int c = 0; c < channels; ++c) {
    for (int tap = 0; tap < spec.kernel; ++tap) out.conv[static_cast<size_t>(tap * out.conv_stride + c)] = conv[static_cast<size_t>(c * spec.kernel + tap)];
  }
  out.decay = load.vector(spec.a_log, spec.value_heads);
  for (float& d : out.decay) d = std::exp(d);
  out.dt_bias = load.vector(spec.dt_bias, spec.value_heads);
  const float scale = 1 / std::sqrt(static_cast<float>(spec.key_dim));
  out.q_scale.assign(static_cast<size_t>(spec.key_dim), scale * scale);
  out.k_scale.assign(static_cast<size_t>(spec.key_dim), scale);
  out.norm = load.norm(spec.norm, spec.value_dim);
  return out;
}

FeedForwardWeights load_feed_forward(const LayerSpec& spec, WeightLoader& load) {
  FeedForwardWeights out;
  if (const auto* dense = std::get_if<DenseFeedForwardSpec>(&spec.feed_forward)) {
    out.gate = load.linear(dense->gate);
    out.up = load.linear(dense->up);
    out.down = load.linear(dense->down);
  } else {
    const auto& moe = std::get<MoeFeedForwardSpec>(spec.feed_forward);
    out.router = load.linear(moe.router);
    out.gate = load.linear(moe.gate, moe.experts);
    out.up = load.linear(moe.up, moe.experts);
    out.down = load.linear(moe.down, moe.experts);
  }
  return out;
}

}  // namespace

Weights load_weights(const DecoderSpec& spec, TensorSource& source, ThreadPool& pool) {
  Weights out;
  WeightLoader load(source, out.arena, pool);
  out.embedding = load.linear(spec.embedding);
  out.layers.reserve(spec.layers.size());
  for (const LayerSpec& layer : spec.layers) {
    LayerWeights w;
    w.input_norm = load.norm(layer.input_norm, spec.hidden_size);
    if (layer.recurrence) {
      w.recurrence = load_recurrence(*layer.recurrence, load);
    } else {
      w.attention = load_attention(layer.attention, load);
    }
    w.post_attention_norm = load.norm(layer.post_attention_norm, spec.hidden_size);
    w.feed_forward_norm = load.norm(layer.feed_forward_norm, spec.hidden_size);
    w.feed_forward = load_feed_forward(layer, load);
    w.post_feed_forward_norm = load.norm(layer.post_feed_forward_norm, spec.hidden_size);
    out.layers.push_back(std::move(w));
  }
  out.final_norm = load.norm(spec.final_norm, spec.hidden_size);
  if (spec.head) out.head = load.linear(*spec.head);
  out.bytes = load.bytes();
  return out;
}

}  // namespace semantic::cpu
