#include "cpu/kv.h"

#include <algorithm>
#include <cstring>

namespace semantic::cpu {
namespace {

constexpr int kPanelTokens = 16;

int panel_start(int token) { return token / kPanelTokens * kPanelTokens; }
int blocks_for(int64_t tokens) { return static_cast<int>((tokens + kBlockTokens - 1) / kBlockTokens); }
// Of a sequence of `length` tokens.
int tokens_in_block(int block, int64_t length) {
  return static_cast<int>(std::min<int64_t>(length - int64_t{block} * kBlockTokens, kBlockTokens));
}

}  // namespace

int64_t KvShape::counted_bytes(int capacity, int used) const {
  int grain = kPanelTokens;
  while (grain < kBlockTokens && key_bytes(grain) < page_bytes()) grain *= 2;
  return static_cast<int64_t>(extent_bytes(std::min(capacity, (used + grain - 1) / grain * grain)));
}

CpuSequenceKv::CpuSequenceKv(const std::vector<KvShape>& shapes, const RecurrentLayout& recurrent, KvCounters& counters)
    : shapes_(shapes), recurrent_(recurrent), counters_(counters), layers_(shapes.size()) {}

SharedKv<PageBuffer> CpuSequenceKv::new_state(const char* origin) const {
  return SharedKv<PageBuffer>(PageBuffer(recurrent_.bytes, origin), static_cast<int64_t>(recurrent_.bytes), counters_);
}

// A state that this sequence may write to.
void CpuSequenceKv::own_state() {
  if (recurrent_.bytes == 0 || (state_ && state_->sole())) return;
  SharedKv<PageBuffer> own = new_state("cpu.step");
  if (state_) {
    std::memcpy(own->as<char>(), (*state_)->as<char>(), recurrent_.bytes);
    counters_.copied_bytes += static_cast<int64_t>(recurrent_.bytes);
  }
  state_ = std::move(own);
}

void CpuSequenceKv::drop_front(size_t layer, int blocks) {
  for (; blocks > 0 && !layers_[layer].blocks.empty(); --blocks) {
    layers_[layer].blocks.pop_front();
    ++layers_[layer].first_block;
  }
}

// The last block has no use for extents that begin behind the last token.
void CpuSequenceKv::cut_last_block(Layer& layer, int length) {
  if (length % kBlockTokens == 0 || layer.blocks.empty()) return;
  Block& last = layer.blocks.back();
  while (last.back()->from >= length % kBlockTokens) last.pop_back();
}

void CpuSequenceKv::drop_back(size_t layer, int keep_end) {
  Layer& l = layers_[layer];
  while (!l.blocks.empty() && l.first_block + static_cast<int>(l.blocks.size()) > keep_end) {
    l.blocks.pop_back();
  }
}

int CpuSequenceKv::keepable(int length) const {
  if (recurrent_.bytes > 0 && length != length_) return 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (shapes_[i].first_seen(length) < layers_[i].first_block * kBlockTokens) return 0;
  }
  return length;
}

int CpuSequenceKv::truncate(int length) {
  if (length >= length_) return length_;
  length = keepable(length);
  if (length == 0) state_.reset();
  for (size_t i = 0; i < layers_.size(); ++i) {
    drop_back(i, std::max(blocks_for(length), length == 0 ? 0 : layers_[i].first_block));
    if (length == 0) layers_[i].first_block = 0;
    cut_last_block(layers_[i], length);
    if (length % kBlockTokens != 0 && layers_[i].blocks.back().back().sole()) {
      layers_[i].blocks.back().back()->written = length % kBlockTokens;
    }
  }
  return length_ = length;
}

std::unique_ptr<SequenceKv> CpuSequenceKv::fork(int length) const {
  auto child = std::make_unique<CpuSequenceKv>(shapes_, recurrent_, counters_);
  child->length_ = keepable(std::min(length, length_));
  if (child->length_ == 0) return child;
  if (state_) child->state_ = state_->share();
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& from = layers_[i];
    Layer& to = child->layers_[i];
    // What the child's own window has left behind is not its to hold.
    to.first_block = std::max(from.first_block, shapes_[i].first_seen(child->length_) / kBlockTokens);
    for (int block = to.first_block; block < blocks_for(child->length_); ++block) {
      Block& shared = to.blocks.emplace_back();
      for (const Extent& extent : from.block_of(block * kBlockTokens)) shared.push_back(extent.share());
    }
    cut_last_block(to, child->length_);
  }
  return child;
}

CpuSequenceKv::Extent CpuSequenceKv::new_extent(const KvShape& shape, int from) const {
  return new_extent(from, PageBuffer(shape.extent_bytes(kBlockTokens - from), "cpu.step"));
}

CpuSequenceKv::Extent CpuSequenceKv::new_extent(int from, PageBuffer memory) const {
  return Extent({std::move(memory), from, kBlockTokens - from, from}, 0, counters_);
}

// The next token goes into a block that has begun, and somebody who holds it too has or may have tokens there.
bool CpuSequenceKv::must_open(const Layer& layer) const {
  const int tokens = length_ % kBlockTokens;
  if (tokens == 0 || layer.blocks.empty()) return false;
  const Extent& last = layer.blocks.back().back();
  return !last.sole() && last->written != tokens;
}

void CpuSequenceKv::open_extent(size_t layer) {
  const KvShape& s = shapes_[layer];
  Block& block = layers_[layer].blocks.back();
  const int from = panel_start(length_ % kBlockTokens), tokens = length_ % kPanelTokens;
  Extent own = new_extent(s, from);
  if (tokens > 0) {
    const int position = length_ - tokens, i = static_cast<int>(layer);
    for (int head = 0; head < s.kv_heads; ++head) {
      std::memcpy(own->key_panel(s, head, from), key_panel(i, head, position), s.key_bytes(kPanelTokens));
      std::memcpy(own->value_row(s, head, from), value_row(i, head, position), s.value_bytes(tokens));
    }
    counters_.copied_bytes += static_cast<int64_t>((s.key_bytes(kPanelTokens) + s.value_bytes(tokens)) * s.kv_heads);
  }
  if (block.back()->from == from) block.pop_back();
  block.push_back(std::move(own));
}

// One mapping for all layers: in huge pages, where it is large, attention reads it in three quarters of the time. Block by block,
// so that what drops a block gives its memory back; a windowed layer drops blocks while the others stay, and maps each by itself.
void CpuSequenceKv::open_filled(int64_t end) {
  const int first = blocks_for(length_), after = static_cast<int>(end / kBlockTokens);
  const auto shares_mapping = [&](size_t i) { return shapes_[i].window == 0 && shapes_[i].in_pages(); };
  size_t block_bytes = 0;
  for (size_t i = 0; i < layers_.size(); ++i) block_bytes += shares_mapping(i) ? shapes_[i].extent_bytes(kBlockTokens) : 0;
  PageBuffer memory(static_cast<size_t>(std::max(0, after - first)) * block_bytes, "cpu.step");
  for (int block = first; block < after; ++block) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (!shares_mapping(i)) continue;
      layers_[i].blocks.emplace_back().push_back(new_extent(0, memory.split(shapes_[i].extent_bytes(kBlockTokens))));
      layers_[i].grew = true;
    }
  }
}

void CpuSequenceKv::reserve(int tokens) {
  const int64_t end = int64_t{length_} + tokens;
  own_state();
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    if (must_open(l)) {
      open_extent(i);
      l.grew = true;
    }
  }
  open_filled(end);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    while (l.end_block() < blocks_for(end)) {
      l.blocks.emplace_back().push_back(new_extent(shapes_[i], 0));
      l.grew = true;
    }
    for (int block = length_ / kBlockTokens; block < blocks_for(end); ++block) {
      Extent& last = l.blocks[static_cast<size_t>(block - l.first_block)].back();
      last->written = tokens_in_block(block, end);
      last.grow_to(shapes_[i].counted_bytes(last->capacity, last->written - last->from));
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
  int64_t bytes = state_ && state_->sole() ? 0 : static_cast<int64_t>(recurrent_.bytes);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& l = layers_[i];
    const KvShape& s = shapes_[i];
    const int64_t end = int64_t{length_} + tokens;
    int first = l.first_block;
    // A long append runs in slices, and a windowed layer forgets between them: what one slice and the window span.
    if (s.window > 0) first = std::max(first, static_cast<int>((end - s.window - kBlockTokens * 4) / kBlockTokens));
    int64_t more = 0;
    for (int block = l.first_block; block < std::min(first, l.end_block()); ++block) {
      for (const Extent& extent : l.block_of(block * kBlockTokens)) more -= extent.sole() ? extent.bytes() : 0;
    }
    if (length_ % kBlockTokens != 0 && first < l.end_block()) {
      // Only one of those that hold it can go on in place; any may be the one that does not.
      const Extent& last = l.blocks.back().back();
      const int from = last.sole() ? last->from : panel_start(length_ % kBlockTokens);
      const int64_t wanted = s.counted_bytes(kBlockTokens - from, tokens_in_block(l.end_block() - 1, end) - from);
      more += std::max<int64_t>(0, wanted - (last.sole() ? last.bytes() : 0));
    }
    for (int block = std::max(first, l.end_block()); block < blocks_for(end); ++block) {
      more += s.counted_bytes(kBlockTokens, tokens_in_block(block, end));
    }
    bytes += std::max<int64_t>(0, more);
  }
  return bytes;
}

bool CpuSequenceKv::shares(int layer) const {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  return !l.blocks.empty() && !l.blocks.front().front().sole();
}

// Tokens of a block that two sequences read from the same extents.
int CpuSequenceKv::same_tokens(const Block& a, const Block& b) {
  const auto end_of = [](const Block& block, size_t i) { return i + 1 < block.size() ? block[i + 1]->from : kBlockTokens; };
  int same = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()) && a[i].same(b[i]); ++i) {
    same = std::min(end_of(a, i), end_of(b, i));
    if (end_of(a, i) != end_of(b, i)) break;
  }
  return same;
}

int CpuSequenceKv::same_until(const CpuSequenceKv& other, int layer) const {
  const Layer &a = layers_[static_cast<size_t>(layer)], &b = other.layers_[static_cast<size_t>(layer)];
  const int start = std::max(a.first_block, b.first_block), end = std::min(a.end_block(), b.end_block());
  const auto same = [&](int block) { return same_tokens(a.block_of(block * kBlockTokens), b.block_of(block * kBlockTokens)); };
  if (start >= end || same(start) == 0) return 0;
  // Memory comes to be shared by a fork, and with all that lies before it: blocks are the same up to one, and none after it.
  int known = start, above = end;
  while (above - known > 1) {
    const int middle = (known + above) / 2;
    (same(middle) > 0 ? known : above) = middle;
  }
  return known * kBlockTokens + same(known);
}

const KvExtent& CpuSequenceKv::extent_of(int layer, int position) const {
  const Block& block = layers_[static_cast<size_t>(layer)].block_of(position);
  auto extent = block.rbegin();
  while ((*extent)->from > position % kBlockTokens) ++extent;
  return **extent;
}

void* CpuSequenceKv::key_panel(int layer, int head, int position) const {
  return extent_of(layer, position).key_panel(shapes_[static_cast<size_t>(layer)], head, position % kBlockTokens);
}

void* CpuSequenceKv::value_row(int layer, int head, int position) const {
  return extent_of(layer, position).value_row(shapes_[static_cast<size_t>(layer)], head, position % kBlockTokens);
}

int CpuSequenceKv::together_until(int layer, int position) const {
  const int token = position % kBlockTokens;
  int end = kBlockTokens;
  for (const Extent& extent : layers_[static_cast<size_t>(layer)].block_of(position)) {
    if (extent->from > token) end = std::min(end, extent->from);
  }
  return position - token + end;
}

}  // namespace semantic::cpu
