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
  out.q_norm = load.norm(spec.q_norm, spec.head_dim);
  out.k_norm = load.norm(spec.k_norm, spec.head_dim);
  if (spec.sinks) out.sinks = load.vector(*spec.sinks, spec.heads);
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
    w.attention = load_attention(layer.attention, load);
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
