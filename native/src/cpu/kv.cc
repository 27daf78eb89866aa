#include "cpu/kv.h"

#include <algorithm>

namespace semantic::cpu {
namespace {

int blocks_for(int64_t tokens) { return static_cast<int>((tokens + kBlockTokens - 1) / kBlockTokens); }

}  // namespace

CpuSequenceKv::CpuSequenceKv(const std::vector<KvShape>& shapes, KvCounters& counters)
    : shapes_(shapes), counters_(counters), layers_(shapes.size()) {}

CpuSequenceKv::~CpuSequenceKv() {
  for (size_t i = 0; i < layers_.size(); ++i) drop_back(i, layers_[i].first_block);
}

void CpuSequenceKv::drop_front(size_t layer, int blocks) {
  for (; blocks > 0 && !layers_[layer].blocks.empty(); --blocks) {
    counters_.bytes -= static_cast<int64_t>(layers_[layer].blocks.front().bytes());
    layers_[layer].blocks.pop_front();
    ++layers_[layer].first_block;
  }
}

void CpuSequenceKv::drop_back(size_t layer, int keep_end) {
  Layer& l = layers_[layer];
  while (!l.blocks.empty() && l.first_block + static_cast<int>(l.blocks.size()) > keep_end) {
    counters_.bytes -= static_cast<int64_t>(l.blocks.back().bytes());
    l.blocks.pop_back();
  }
}

int CpuSequenceKv::truncate(int length) {
  if (length >= length_) return length_;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (shapes_[i].first_seen(length) < layers_[i].first_block * kBlockTokens) length = 0;
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    drop_back(i, std::max(blocks_for(length), length == 0 ? 0 : layers_[i].first_block));
    if (length == 0) layers_[i].first_block = 0;
  }
  return length_ = length;
}

void CpuSequenceKv::reserve(int tokens) {
  const int end = blocks_for(int64_t{length_} + tokens);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    while (l.first_block + static_cast<int>(l.blocks.size()) < end) {
      l.blocks.emplace_back(shapes_[i].block_bytes(), "cpu.step");
      counters_.bytes += static_cast<int64_t>(shapes_[i].block_bytes());
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
    bytes += std::max<int64_t>(more, 0) * static_cast<int64_t>(shapes_[i].block_bytes());
  }
  return bytes;
}

void* CpuSequenceKv::key_panel(int layer, int head, int position) const {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  const size_t panel = static_cast<size_t>(head) * (kBlockTokens / 16) + static_cast<size_t>(position % kBlockTokens / 16);
  return l.blocks[static_cast<size_t>(position / kBlockTokens - l.first_block)].as<char>(panel * 16 * s.head_dim * s.element_bytes);
}

void* CpuSequenceKv::value_row(int layer, int head, int position) const {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  const size_t row = static_cast<size_t>(head) * kBlockTokens + static_cast<size_t>(position % kBlockTokens);
  return l.blocks[static_cast<size_t>(position / kBlockTokens - l.first_block)].as<char>(
      s.key_bytes() + row * s.value_stride * s.element_bytes);
}

}  // namespace semantic::cpu
