#include "mlx/sequence_kv.h"

#include <algorithm>

namespace semantic {

namespace mx = mlx::core;

namespace {

int round_up_to_block(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens * kBlockTokens; }

// Tokens [from, to) of a buffer [1, kv_heads, capacity, head_dim].
mx::array tokens_of(const mx::array& buffer, int from, int to) {
  const auto& s = buffer.shape();
  return mx::slice(buffer, mx::Shape{0, 0, from, 0}, mx::Shape{s[0], s[1], to, s[3]});
}

// A buffer of `capacity` tokens that starts with tokens [from, to) of `old`.
mx::array moved(const std::optional<mx::array>& old, int from, int to, const mx::Shape& shape, mx::Dtype type) {
  if (!old || from == to) return mx::zeros(shape, type);
  mx::Shape rest = shape;
  rest[2] -= to - from;
  return mx::concatenate({tokens_of(*old, from, to), mx::zeros(rest, type)}, 2);
}

mx::array written(const mx::array& buffer, const mx::array& tokens, int at) {
  const auto& s = buffer.shape();
  return mx::slice_update(buffer, tokens, mx::Shape{0, 0, at, 0}, mx::Shape{s[0], s[1], at + tokens.shape(2), s[3]});
}

}  // namespace

AppendPlan plan_append(const LayerKvShape& layer, int start, int length, int capacity, int tokens) {
  const int held = length - start;
  if (held + tokens <= capacity) return {start, capacity, false};
  if (!layer.window || held <= *layer.window) return {start, round_up_to_block(held + tokens), true};
  // Room for at least a block beyond the window, so that decoding slides once per block and not once per token.
  const int room = round_up_to_block(*layer.window + std::max(tokens, kBlockTokens));
  return {length - *layer.window, room, true};
}

MlxSequenceKv::MlxSequenceKv(const std::vector<LayerKvShape>& layers, mx::Dtype type,
                             std::shared_ptr<KvCounters> counters)
    : shapes_(layers), type_(type), counters_(std::move(counters)), layers_(layers.size()) {}

MlxSequenceKv::~MlxSequenceKv() {
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) release(i);
}

int64_t MlxSequenceKv::bytes_of(int layer, int capacity) const {
  return int64_t{2} * capacity * shapes_[layer].kv_heads * shapes_[layer].head_dim * mx::size_of(type_);
}

void MlxSequenceKv::release(int layer) {
  counters_->bytes -= bytes_of(layer, layers_[layer].capacity);
  layers_[layer] = Layer{};
}

int MlxSequenceKv::truncate(int length) {
  if (length >= length_) return length_;
  for (size_t i = 0; i < layers_.size(); ++i) {
    // The next query, at position `length`, sees (length - window, length].
    if (!shapes_[i].window || layers_[i].start <= std::max(0, length - *shapes_[i].window + 1)) continue;
    for (size_t j = 0; j < layers_.size(); ++j) release(static_cast<int>(j));
    return length_ = 0;
  }
  return length_ = length;
}

MlxSequenceKv::View MlxSequenceKv::append(int layer, const mx::array& k, const mx::array& v) {
  Layer& state = layers_[layer];
  const int tokens = k.shape(2);
  const AppendPlan plan = plan_append(shapes_[layer], state.start, length_, state.capacity, tokens);
  if (plan.moves) {
    const mx::Shape shape{1, shapes_[layer].kv_heads, plan.capacity, shapes_[layer].head_dim};
    const int from = plan.start - state.start;
    const int to = length_ - state.start;
    state.k = moved(state.k, from, to, shape, type_);
    state.v = moved(state.v, from, to, shape, type_);
    counters_->bytes += bytes_of(layer, plan.capacity) - bytes_of(layer, state.capacity);
    state.start = plan.start;
    state.capacity = plan.capacity;
    ++counters_->growths;
  } else {
    ++counters_->appends;
  }
  const int at = length_ - state.start;
  state.k = written(*state.k, mx::astype(k, type_), at);
  state.v = written(*state.v, mx::astype(v, type_), at);
  return {tokens_of(*state.k, 0, at + tokens), tokens_of(*state.v, 0, at + tokens), state.start};
}

void MlxSequenceKv::collect(std::vector<mx::array>& arrays) const {
  for (const Layer& layer : layers_) {
    arrays.push_back(*layer.k);
    arrays.push_back(*layer.v);
  }
}

int64_t MlxSequenceKv::bytes_to_append(int tokens) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const AppendPlan plan = plan_append(shapes_[i], layers_[i].start, length_, layers_[i].capacity, tokens);
    if (plan.moves) bytes += bytes_of(static_cast<int>(i), plan.capacity);
  }
  return bytes;
}

}  // namespace semantic
