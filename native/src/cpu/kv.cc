#include "cpu/kv.h"

#include <algorithm>
#include <cstring>

namespace semantic::cpu {
namespace {

int blocks_for(int64_t tokens) { return static_cast<int>((tokens + kBlockTokens - 1) / kBlockTokens); }

}  // namespace

CpuSequenceKv::CpuSequenceKv(const std::vector<KvShape>& shapes, KvCounters& counters)
    : shapes_(shapes), counters_(counters), layers_(shapes.size()) {}

void CpuSequenceKv::drop_front(size_t layer, int blocks) {
  for (; blocks > 0 && !layers_[layer].blocks.empty(); --blocks) {
    layers_[layer].blocks.pop_front();
    ++layers_[layer].first_block;
  }
}

void CpuSequenceKv::drop_back(size_t layer, int keep_end) {
  Layer& l = layers_[layer];
  while (!l.blocks.empty() && l.first_block + static_cast<int>(l.blocks.size()) > keep_end) {
    l.blocks.pop_back();
  }
}

int CpuSequenceKv::keepable(int length) const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (shapes_[i].first_seen(length) < layers_[i].first_block * kBlockTokens) return 0;
  }
  return length;
}

int CpuSequenceKv::truncate(int length) {
  if (length >= length_) return length_;
  length = keepable(length);
  for (size_t i = 0; i < layers_.size(); ++i) {
    drop_back(i, std::max(blocks_for(length), length == 0 ? 0 : layers_[i].first_block));
    if (length == 0) layers_[i].first_block = 0;
  }
  return length_ = length;
}

std::unique_ptr<SequenceKv> CpuSequenceKv::fork(int length) const {
  auto child = std::make_unique<CpuSequenceKv>(shapes_, counters_);
  child->length_ = keepable(std::min(length, length_));
  if (child->length_ == 0) return child;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& from = layers_[i];
    Layer& to = child->layers_[i];
    // What the child's own window has left behind is not its to hold.
    to.first_block = std::max(from.first_block, shapes_[i].first_seen(child->length_) / kBlockTokens);
    for (int block = to.first_block; block < blocks_for(child->length_); ++block) {
      to.blocks.push_back(from.blocks[static_cast<size_t>(block - from.first_block)].share());
    }
  }
  return child;
}

CpuSequenceKv::Block CpuSequenceKv::new_block(const KvShape& shape) {
  return Block(PageBuffer(shape.block_bytes(), "cpu.step"), static_cast<int64_t>(shape.block_bytes()), counters_);
}

// The next token goes into the last block, and somebody else holds it too.
bool CpuSequenceKv::must_copy(const Layer& layer) const {
  return length_ % kBlockTokens != 0 && !layer.blocks.empty() && !layer.blocks.back().sole();
}

void CpuSequenceKv::copy_last_block(size_t layer) {
  const KvShape& s = shapes_[layer];
  Block& old = layers_[layer].blocks.back();
  Block own = new_block(s);
  // Per head: the key panels that hold a token, and the value rows.
  const size_t tokens = static_cast<size_t>(length_ % kBlockTokens), panels = (tokens + 15) / 16;
  const size_t keys = panels * 16 * s.head_dim * s.element_bytes, values = tokens * s.value_stride * s.element_bytes;
  for (size_t head = 0; head < static_cast<size_t>(s.kv_heads); ++head) {
    const size_t key_at = head * (s.key_bytes() / s.kv_heads), value_at = s.key_bytes() + head * (s.value_bytes() / s.kv_heads);
    std::memcpy(own->as<char>(key_at), old->as<char>(key_at), keys);
    std::memcpy(own->as<char>(value_at), old->as<char>(value_at), values);
  }
  counters_.copied_bytes += static_cast<int64_t>((keys + values) * s.kv_heads);
  old = std::move(own);
}

void CpuSequenceKv::reserve(int tokens) {
  const int end = blocks_for(int64_t{length_} + tokens);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    if (must_copy(l)) {
      copy_last_block(i);
      l.grew = true;
    }
    while (l.first_block + static_cast<int>(l.blocks.size()) < end) {
      l.blocks.push_back(new_block(shapes_[i]));
      l.grew = true;
    }
  }
}

void CpuSequenceKv::count_append() {
  for (Layer& l : layers_) {
    ++(l.grew ? counters_.growths : counters_.appends);
    l.grew = false;
  }
}

void CpuSequenceKv::commit(int tokens) {
  length_ += tokens;
  for (size_t i = 0; i < layers_.size(); ++i) {
    drop_front(i, shapes_[i].first_seen(length_) / kBlockTokens - layers_[i].first_block);
  }
}

int64_t CpuSequenceKv::bytes_to_append(int tokens) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int64_t end = int64_t{length_} + tokens;
    int64_t first = layers_[i].first_block;
    // A long append runs in slices, and a windowed layer forgets between them: what one slice and the window span.
    if (shapes_[i].window > 0) {
      first = std::max(first, (end - shapes_[i].window - kBlockTokens * 4) / kBlockTokens);
    }
    const int64_t more = blocks_for(end) - first - static_cast<int64_t>(layers_[i].blocks.size());
    const int64_t copies = must_copy(layers_[i]) ? 1 : 0;
    bytes += (std::max<int64_t>(more, 0) + copies) * static_cast<int64_t>(shapes_[i].block_bytes());
  }
  return bytes;
}

void* CpuSequenceKv::key_panel(int layer, int head, int position) const {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  const size_t panel = static_cast<size_t>(head) * (kBlockTokens / 16) + static_cast<size_t>(position % kBlockTokens / 16);
  return l.blocks[static_cast<size_t>(position / kBlockTokens - l.first_block)]->as<char>(panel * 16 * s.head_dim * s.element_bytes);
}

void* CpuSequenceKv::value_row(int layer, int head, int position) const {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  const size_t row = static_cast<size_t>(head) * kBlockTokens + static_cast<size_t>(position % kBlockTokens);
  return l.blocks[static_cast<size_t>(position / kBlockTokens - l.first_block)]->as<char>(
      s.key_bytes() + row * s.value_stride * s.element_bytes);
}

}  // namespace semantic::cpu
