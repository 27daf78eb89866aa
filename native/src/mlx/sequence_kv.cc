#include "mlx/sequence_kv.h"

#include <algorithm>

namespace semantic {

namespace mx = mlx::core;

namespace {

int round_up_to_block(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens * kBlockTokens; }

// Tokens [from, to) of a buffer [1, kv_heads, capacity, row width].
mx::array tokens_of(const mx::array& buffer, int from, int to) {
  const auto& s = buffer.shape();
  return mx::slice(buffer, mx::Shape{0, 0, from, 0}, mx::Shape{s[0], s[1], to, s[3]});
}

mx::array joined(const std::vector<mx::array>& parts) { return parts.size() == 1 ? parts.front() : mx::concatenate(parts, 2); }

// A buffer of `shape` that starts with the tokens of `parts`.
mx::array moved(std::vector<mx::array> parts, const mx::Shape& shape, mx::Dtype type) {
  mx::Shape rest = shape;
  for (const mx::array& part : parts) rest[2] -= part.shape(2);
  if (rest[2] > 0) parts.push_back(mx::zeros(rest, type));
  return joined(parts);
}

mx::array written(const mx::array& buffer, const mx::array& tokens, int at) {
  const auto& s = buffer.shape();
  return mx::slice_update(buffer, tokens, mx::Shape{0, 0, at, 0}, mx::Shape{s[0], s[1], at + tokens.shape(2), s[3]});
}

}  // namespace

MlxSequenceKv::MlxSequenceKv(const std::vector<LayerKvShape>& layers, const KvCodec& codec,
                             std::shared_ptr<KvCounters> counters)
    : shapes_(layers), codec_(codec), counters_(std::move(counters)), layers_(layers.size()), states_(layers.size()) {}

int64_t LayerKvShape::state_bytes() const {
  if (!recurs()) return 0;
  const int64_t floats = int64_t{inputs[0]} * inputs[1] + int64_t{state[0]} * state[1] * state[2];
  return floats * static_cast<int64_t>(sizeof(float));
}

RecurrentState MlxSequenceKv::state(int layer) const {
  if (states_[layer]) return **states_[layer];
  return {mx::zeros(shapes_[layer].inputs, mx::float32), mx::zeros(shapes_[layer].state, mx::float32)};
}

void MlxSequenceKv::set_state(int layer, RecurrentState state) {
  states_[layer].emplace(SharedKv<RecurrentState>(std::move(state), shapes_[layer].state_bytes(), *counters_));
}

int64_t MlxSequenceKv::bytes_of(int layer, int64_t tokens) const {
  return 2 * tokens * shapes_[layer].kv_heads * codec_.row_bytes(shapes_[layer].head_dim);
}

int MlxSequenceKv::first_seen(int layer, int position) const {
  return shapes_[layer].window ? std::max(0, position - *shapes_[layer].window + 1) : 0;
}

int MlxSequenceKv::keepable(int length) const {
  const bool recurs = std::any_of(shapes_.begin(), shapes_.end(), [](const LayerKvShape& shape) { return shape.recurs(); });
  if (recurs && length != length_) return 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (!layers_[i].empty() && layers_[i].front().start > first_needed(static_cast<int>(i), length)) return 0;
  }
  return length;
}

void MlxSequenceKv::cut(Chain& chain, int length) {
  while (!chain.empty() && chain.back().start >= length) chain.pop_back();
  if (!chain.empty()) chain.back().end = std::min(chain.back().end, length);
}

int MlxSequenceKv::truncate(int length) {
  if (length >= length_) return length_;
  length_ = keepable(length);
  for (Chain& chain : layers_) cut(chain, length_);
  if (length_ == 0) for (auto& state : states_) state.reset();
  return length_;
}

std::unique_ptr<SequenceKv> MlxSequenceKv::fork(int length) const {
  auto child = std::make_unique<MlxSequenceKv>(shapes_, codec_, counters_);
  child->length_ = keepable(std::min(length, length_));
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (states_[i] && child->length_ > 0) child->states_[i] = states_[i]->share();
    for (const Piece& piece : layers_[i]) {
      const bool seen = piece.end > first_needed(static_cast<int>(i), child->length_);
      if (!seen || piece.start >= child->length_) continue;
      child->layers_[i].push_back({piece.buffers.share(), piece.start, std::min(piece.end, child->length_)});
    }
  }
  return child;
}

MlxSequenceKv::AppendPlan MlxSequenceKv::plan_append(int layer, int tokens) const {
  const Chain& chain = layers_[layer];
  const std::optional<int> window = shapes_[layer].window;
  int forget = 0;
  while (forget < static_cast<int>(chain.size()) && chain[forget].end <= first_needed(layer, length_)) ++forget;
  if (forget == static_cast<int>(chain.size())) return {forget, 0, length_, round_up_to_block(tokens), true, false};

  const Piece& last = chain.back();
  const int held = last.tokens();
  if (!last.buffers.sole()) {
    // Short pieces are copied, so that a chain has at most one piece per block of tokens.
    if (held >= kBlockTokens) return {forget, 0, length_, round_up_to_block(tokens), true, false};
    return {forget, 1, last.start, round_up_to_block(held + tokens), true, true};
  }
  if (held + tokens <= last.buffers->capacity) return {forget, 0, last.start, last.buffers->capacity, false, false};
  if (const int start = first_needed(layer, length_); start > last.start) {
    // Room for at least a block beyond the window, so that decoding slides once per block and not once per token.
    return {forget, 1, start, round_up_to_block(length_ - start + std::max(tokens, kBlockTokens)), true, false};
  }
  int join = 1;
  const int pieces = static_cast<int>(chain.size()) - forget;
  while (!window && join < pieces && chain[chain.size() - 1 - join].buffers.sole()) ++join;
  const int start = chain[chain.size() - join].start;
  return {forget, join, start, round_up_to_block(length_ - start + tokens), true, false};
}

MlxSequenceKv::Piece MlxSequenceKv::new_piece(int layer, const AppendPlan& plan) {
  const Chain& chain = layers_[layer];
  std::vector<mx::array> k, v;
  for (size_t i = chain.size() - plan.join; i < chain.size(); ++i) {
    const int from = std::max(plan.start - chain[i].start, 0);
    k.push_back(tokens_of(chain[i].buffers->k, from, chain[i].tokens()));
    v.push_back(tokens_of(chain[i].buffers->v, from, chain[i].tokens()));
  }
  const mx::Shape shape{1, shapes_[layer].kv_heads, plan.capacity, codec_.row_width(shapes_[layer].head_dim)};
  Buffers buffers{moved(std::move(k), shape, codec_.type()), moved(std::move(v), shape, codec_.type()), plan.capacity};
  return {SharedKv<Buffers>(std::move(buffers), bytes_of(layer, plan.capacity), *counters_), plan.start, length_};
}

MlxSequenceKv::View MlxSequenceKv::append(int layer, const mx::array& k, const mx::array& v) {
  Chain& chain = layers_[layer];
  const int tokens = k.shape(2);
  const AppendPlan plan = plan_append(layer, tokens);
  if (plan.moves) {
    Piece piece = new_piece(layer, plan);
    if (plan.copies_shared) counters_->copied_bytes += bytes_of(layer, piece.tokens());
    chain.erase(chain.end() - plan.join, chain.end());
    chain.push_back(std::move(piece));
    ++counters_->growths;
  } else {
    ++counters_->appends;
  }
  chain.erase(chain.begin(), chain.begin() + plan.forget);

  Piece& last = chain.back();
  last.buffers->k = written(last.buffers->k, codec_.encode(k), last.tokens());
  last.buffers->v = written(last.buffers->v, codec_.encode(v), last.tokens());
  last.end = length_ + tokens;

  const int start = std::max(chain.front().start, chain.size() > 1 ? first_seen(layer, length_) : 0);
  std::vector<mx::array> seen_k, seen_v;
  for (const Piece& piece : chain) {
    const int from = std::max(start - piece.start, 0);
    seen_k.push_back(tokens_of(piece.buffers->k, from, piece.tokens()));
    seen_v.push_back(tokens_of(piece.buffers->v, from, piece.tokens()));
  }
  return {joined(seen_k), joined(seen_v), start};
}

void MlxSequenceKv::collect(std::vector<mx::array>& arrays) const {
  for (const Chain& chain : layers_) {
    if (chain.empty()) continue;  // it recurs
    arrays.push_back(chain.back().buffers->k);
    arrays.push_back(chain.back().buffers->v);
  }
  for (const auto& state : states_) {
    if (!state) continue;
    arrays.push_back((*state)->inputs);
    arrays.push_back((*state)->state);
  }
}

int64_t MlxSequenceKv::bytes_to_append(int tokens) const {
  int64_t bytes = 0, joined_view = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int layer = static_cast<int>(i);
    if (recurs(layer)) {
      bytes += shapes_[i].state_bytes();  // the new one, while the old one is there
      continue;
    }
    const AppendPlan plan = plan_append(layer, tokens);
    if (plan.moves) bytes += bytes_of(layer, plan.capacity);
    const int pieces = static_cast<int>(layers_[i].size()) - plan.forget - plan.join + (plan.moves ? 1 : 0);
    if (pieces > 1) joined_view = std::max(joined_view, bytes_of(layer, int64_t{length_} + tokens - first_seen(layer, length_)));
  }
  return bytes + joined_view;
}

}  // namespace semantic
