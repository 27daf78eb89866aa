// A sequence's KV as parts of images, and the other way round: per layer keys [kv_heads][tokens][row width], then values alike.
#include <algorithm>

#include "mlx/sequence_kv.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

int round_up_to_block(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens * kBlockTokens; }

bool on_gpu() { return mx::default_device() == mx::Device::gpu; }

// Tokens [from, to) of a buffer [1, kv_heads, capacity, row width].
mx::array tokens_of(const mx::array& x, int from, int to) {
  return mx::slice(x, mx::Shape{0, 0, from, 0}, mx::Shape{1, x.shape(1), to, x.shape(3)});
}

// Joining is what always copies: slices and slice updates of a whole array give the array itself.
mx::array copied(const mx::array& x) { return mx::concatenate({tokens_of(x, 0, 1), tokens_of(x, 1, x.shape(2))}, 2); }

// A buffer that the host fills.
mx::array host_buffer(const mx::Shape& shape, mx::Dtype type) {
  size_t bytes = mx::size_of(type);
  for (const int size : shape) bytes *= static_cast<size_t>(size);
  return mx::array(mx::allocator::malloc(bytes), shape, type);
}

}  // namespace

int MlxSequenceKv::first_held(int layer) const {
  if (recurs(layer)) return first_needed(layer, length_);
  const Chain& chain = layers_[layer];
  return chain.empty() ? 0 : round_up_to_block(chain.front().start);
}

KvPart MlxSequenceKv::part(int layer, int start, int count) const {
  if (recurs(layer)) {
    const RecurrentState kept = state(layer);
    const auto gathered = std::make_shared<mx::array>(mx::concatenate({mx::flatten(kept.inputs), mx::flatten(kept.state)}, 0));
    gathered->eval();
    return {{gathered->data<char>(), gathered->nbytes()}, static_cast<int64_t>(gathered->nbytes()), gathered};
  }
  std::vector<mx::array> keys, values;
  for (const Piece& piece : layers_[layer]) {
    const int from = std::max(start, piece.start) - piece.start, to = std::min(start + count, piece.end) - piece.start;
    if (from >= to) continue;
    keys.push_back(tokens_of(piece.buffers->k, from, to));
    values.push_back(tokens_of(piece.buffers->v, from, to));
  }
  // [2, kv_heads, count, row width]. A copy of its own: reading a CUDA array on the host moves its buffer to unified memory for good.
  const auto gathered = std::make_shared<mx::array>(mx::concatenate({mx::concatenate(keys, 2), mx::concatenate(values, 2)}, 0));
  gathered->eval();
  return {{gathered->data<char>(), gathered->nbytes()}, static_cast<int64_t>(gathered->nbytes()), gathered};
}

void MlxSequenceKv::extend(int tokens, int length) {
  const int end = length_ + tokens;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int layer = static_cast<int>(i), start = first_extended(layer, length), capacity = round_up_to_block(end - start);
    if (recurs(layer)) {
      set_state(layer, {host_buffer(shapes_[i].inputs, mx::float32), host_buffer(shapes_[i].state, mx::float32)});
      continue;
    }
    const mx::Shape shape{1, shapes_[i].kv_heads, capacity, codec_.row_width(shapes_[i].head_dim)};
    Buffers buffers{host_buffer(shape, codec_.type()), host_buffer(shape, codec_.type()), capacity};
    Chain& chain = layers_[i];
    while (!chain.empty() && chain.front().end <= first_needed(layer, length)) chain.pop_front();
    chain.push_back({SharedKv<Buffers>(std::move(buffers), bytes_of(layer, capacity), *counters_), start, end});
  }
  length_ = end;
}

std::vector<KvBytes> MlxSequenceKv::room(int layer, int start, int count) const {
  if (recurs(layer)) {
    RecurrentState& kept = **states_[layer];
    return {{kept.inputs.data<char>(), kept.inputs.nbytes()}, {kept.state.data<char>(), kept.state.nbytes()}};
  }
  const Piece& piece = layers_[layer].back();
  const size_t token = static_cast<size_t>(codec_.row_bytes(shapes_[layer].head_dim));
  std::vector<KvBytes> room;
  for (mx::array* buffer : {&piece.buffers->k, &piece.buffers->v}) {
    for (int head = 0; head < shapes_[layer].kv_heads; ++head) {
      const size_t row = static_cast<size_t>(head) * piece.buffers->capacity + static_cast<size_t>(start - piece.start);
      room.push_back({buffer->data<char>() + row * token, static_cast<size_t>(count) * token});
    }
  }
  return room;
}

void MlxSequenceKv::settle() {
  if (!on_gpu()) return;
  // Layer by layer, so that what the host filled goes as its copy comes.
  for (auto& kept : states_) {
    if (!kept) continue;
    for (mx::array* x : {&(*kept)->inputs, &(*kept)->state}) *x = mx::add(*x, mx::array(0.0F));  // a copy of its own
    mx::eval({(*kept)->inputs, (*kept)->state});
  }
  for (Chain& chain : layers_) {
    if (chain.empty()) continue;  // it recurs
    Buffers& buffers = *chain.back().buffers;
    buffers.k = copied(buffers.k);
    buffers.v = copied(buffers.v);
    mx::eval({buffers.k, buffers.v});
  }
}

int64_t MlxSequenceKv::bytes_to_extend(int tokens, int length) const {
  int64_t sum = 0, largest = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int layer = static_cast<int>(i);
    const int64_t bytes = recurs(layer) ? shapes_[i].state_bytes() : bytes_of(layer, round_up_to_block(length_ + tokens - first_extended(layer, length)));
    sum += bytes;
    largest = std::max(largest, bytes);
  }
  return sum + (on_gpu() ? largest : 0);
}

}  // namespace semantic
