// A sequence's KV as parts of images, and the other way round: see KvShape::image_layout().
#include <algorithm>
#include <cstring>

#include "cpu/kv.h"

namespace semantic::cpu {
namespace {

constexpr int kPanelTokens = 16;

int panels_of(int tokens) { return (tokens + kPanelTokens - 1) / kPanelTokens; }

int tokens_in_block(int block, int length) { return std::min(length - block * kBlockTokens, kBlockTokens); }

// The first `columns` of rows [16] of elements; the others zero.
void copy_rows(const char* from, int columns, int rows, int element_bytes, char* to) {
  const size_t row = static_cast<size_t>(kPanelTokens) * element_bytes, kept = static_cast<size_t>(columns) * element_bytes;
  for (int i = 0; i < rows; ++i, from += row, to += row) {
    std::memcpy(to, from, kept);
    std::memset(to + kept, 0, row - kept);
  }
}

// The first `columns` tokens of a key panel: rows of elements, or of bytes of codes and then of scales and biases.
void copy_columns(const char* from, int columns, const KvShape& s, char* to) {
  const int bits = kv_element_bits(s.format);
  if (!is_quantized(s.format)) return copy_rows(from, columns, s.head_dim, bits / 8, to);
  const int codes = s.head_dim * bits / 8;
  copy_rows(from, columns, codes, 1, to);
  copy_rows(from + kPanelTokens * codes, columns, 2 * kv_groups(s.format, s.head_dim), 2, to + kPanelTokens * codes);
}

}  // namespace

KvPart CpuSequenceKv::part(int layer, int start, int count) const {
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  if (recurs(layer)) {
    const auto shared = std::make_shared<SharedKv<PageBuffer>>(state_->share());
    const RecurrentLayout::Layer& at = recurrent_.layers[static_cast<size_t>(layer)];
    return {{(*shared)->as<char>(at.at), at.bytes}, 0, shared};
  }
  const Block& block = layers_[static_cast<size_t>(layer)].block_of(start);
  if (count == kBlockTokens && block.size() == 1) {
    const auto shared = std::make_shared<Extent>(block.front().share());
    return {{(*shared)->memory.as<char>(), s.extent_bytes(kBlockTokens)}, 0, shared};
  }
  const size_t bytes = s.kv_heads * (s.key_bytes(panels_of(count) * kPanelTokens) + s.value_bytes(count));
  const auto gathered = std::make_shared<PageBuffer>(bytes, "cpu.save");
  char* to = gathered->as<char>();
  for (int head = 0; head < s.kv_heads; ++head) {
    for (int token = 0; token < count; token += kPanelTokens, to += s.key_bytes(kPanelTokens)) {
      const auto* panel = static_cast<const char*>(key_panel(layer, head, start + token));
      copy_columns(panel, std::min(kPanelTokens, count - token), s, to);
    }
  }
  for (int head = 0; head < s.kv_heads; ++head) {
    for (int token = 0; token < count; token += kPanelTokens) {
      const size_t rows = s.value_bytes(std::min(kPanelTokens, count - token));
      std::memcpy(to, value_row(layer, head, start + token), rows);
      to += rows;
    }
  }
  return {{gathered->as<char>(), bytes}, static_cast<int64_t>(bytes), gathered};
}

void CpuSequenceKv::extend(int tokens, int length) {
  length_ += tokens;
  if (recurrent_.bytes > 0) state_ = new_state("cpu.load");
  size_t together = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    drop_front(i, first_block_at(i, length) - l.first_block);
    if (l.blocks.empty()) l.first_block = first_block_at(i, length);
    if (shapes_[i].in_pages()) together += static_cast<size_t>(length_ / kBlockTokens - l.end_block()) * shapes_[i].extent_bytes(kBlockTokens);
  }
  // One mapping for blocks that get full: in huge pages, where it is large, they take a third of the time to fill.
  PageBuffer blocks(together, "cpu.load");
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    const size_t bytes = shapes_[i].extent_bytes(kBlockTokens);
    while (l.end_block() * kBlockTokens < length_) {
      const int held = tokens_in_block(l.end_block(), length_);
      PageBuffer memory = held == kBlockTokens && shapes_[i].in_pages() ? blocks.split(bytes) : PageBuffer(bytes, "cpu.load");
      Extent extent({std::move(memory), 0, kBlockTokens, held}, shapes_[i].counted_bytes(kBlockTokens, held), counters_);
      l.blocks.emplace_back().push_back(std::move(extent));
    }
  }
}

std::vector<KvBytes> CpuSequenceKv::room(int layer, int start, int count) const {
  if (recurs(layer)) return {{reinterpret_cast<char*>(state(layer)), recurrent_.layers[static_cast<size_t>(layer)].bytes}};
  const KvShape& s = shapes_[static_cast<size_t>(layer)];
  if (count == kBlockTokens) return {{static_cast<char*>(key_panel(layer, 0, start)), s.extent_bytes(kBlockTokens)}};
  std::vector<KvBytes> room;
  const size_t keys = s.key_bytes(panels_of(count) * kPanelTokens), values = s.value_bytes(count);
  for (int head = 0; head < s.kv_heads; ++head) room.push_back({static_cast<char*>(key_panel(layer, head, start)), keys});
  for (int head = 0; head < s.kv_heads; ++head) room.push_back({static_cast<char*>(value_row(layer, head, start)), values});
  return room;
}

int64_t CpuSequenceKv::bytes_to_extend(int tokens, int length) const {
  auto bytes = static_cast<int64_t>(recurrent_.bytes);
  const int end = length_ + tokens;
  for (size_t i = 0; i < layers_.size(); ++i) {
    for (int block = std::max(first_block_at(i, length), length_ / kBlockTokens); block * kBlockTokens < end; ++block) {
      bytes += shapes_[i].counted_bytes(kBlockTokens, tokens_in_block(block, end));
    }
  }
  return bytes;
}

}  // namespace semantic::cpu
