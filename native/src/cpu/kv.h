// The KV of a sequence: per layer a chain of blocks of 256 tokens, each its own memory. Growing adds a block and moves
// nothing; a windowed layer frees the blocks that left its window; positions stay absolute, so block borders never shift.
//
// A fork holds the same blocks. In a block that several hold, the first to append behind all that is written goes on in place.
// Who comes later, or was cut shorter, goes on in an extent of its own, which begins at the 16-key panel of the next token: the
// tokens of that panel, at most 15, are copied. So a block is one extent or several, and of each a sequence reads what lies
// before the next.
//
// Layers that recur have no bytes per token here (no KV heads) but a state, all in one buffer: a fork holds the same one, and whoever
// appends first copies it. It cannot be cut: a sequence that has some is kept whole or not at all.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "cpu/page_buffer.h"
#include "cpu/recurrent_state.h"
#include "executor.h"
#include "shared_kv.h"

namespace semantic::cpu {

// What one layer keeps per token.
struct KvShape {
  int kv_heads, head_dim;
  int value_stride;  // head_dim rounded up to 16
  int window;        // 0 = all
  KvFormat format;

  // One head, `tokens` a multiple of 16: key panels [tokens / 16], value rows [tokens]. kernels.h says how they lie; rows of floats
  // are padded to value_stride.
  size_t key_bytes(int tokens) const { return static_cast<size_t>(tokens) * kv_head_bytes(format, head_dim); }
  size_t value_bytes(int tokens) const {
    return static_cast<size_t>(tokens) * kv_head_bytes(format, is_quantized(format) ? head_dim : value_stride);
  }
  // All heads: their keys, then their values.
  size_t extent_bytes(int tokens) const { return kv_heads * (key_bytes(tokens) + value_bytes(tokens)); }
  // Whole blocks of it can share a mapping.
  bool in_pages() const { return extent_bytes(kBlockTokens) % page_bytes() == 0; }
  int64_t bytes_per_token() const { return static_cast<int64_t>(extent_bytes(kBlockTokens) / kBlockTokens); }
  // What the system has given of an extent for `capacity` tokens once `used` are written: it gives memory by the page when
  // that is first written, so this counts in the tokens of which one head's keys fill a page (head_dim 64 in f16, pages of
  // 4 kB: 32 tokens).
  int64_t counted_bytes(int capacity, int used) const;
  // Of an image: per head the key panels that hold a token, then per head the value rows. 256 tokens are a whole extent.
  KvLayout::Layer image_layout() const {
    return {static_cast<int64_t>(kv_heads * value_bytes(1)), static_cast<int64_t>(kv_heads * key_bytes(16))};
  }
  // First position that a query at `position` sees.
  int first_seen(int position) const { return window > 0 && position >= window ? position - window + 1 : 0; }
};

// Tokens [from, from + capacity) of a block, up to its end.
struct KvExtent {
  PageBuffer memory;
  int from;  // a multiple of 16
  int capacity;
  int written;  // tokens of the block, up to the last one that anybody wrote here: no holder has more of them

  // The 16-key panel of token `token` of the block in head `head`: [head_dim][16].
  void* key_panel(const KvShape& s, int head, int token) const {
    return memory.as<char>(head * s.key_bytes(capacity) + s.key_bytes((token - from) / 16 * 16));
  }
  // The value row of that token: [value_stride].
  void* value_row(const KvShape& s, int head, int token) const {
    return memory.as<char>(s.kv_heads * s.key_bytes(capacity) + head * s.value_bytes(capacity) + s.value_bytes(token - from));
  }
};

class CpuSequenceKv final : public SequenceKv {
 public:
  CpuSequenceKv(const std::vector<KvShape>& shapes, const RecurrentLayout& recurrent, KvCounters& counters);

  int length() const override { return length_; }
  int truncate(int length) override;
  std::unique_ptr<SequenceKv> fork(int length) const override;

  int first_held(int layer) const override {
    return recurs(layer) ? first_needed(layer, length_) : layers_[static_cast<size_t>(layer)].first_block * kBlockTokens;
  }
  int first_needed(int layer, int length) const override {
    return (recurs(layer) ? (length - 1) / kBlockTokens : first_block_at(static_cast<size_t>(layer), length)) * kBlockTokens;
  }
  bool recurs(int layer) const override { return recurrent_.layers[static_cast<size_t>(layer)].bytes > 0; }
  KvPart part(int layer, int start, int count) const override;
  void extend(int tokens, int length) override;
  std::vector<KvBytes> room(int layer, int start, int count) const override;
  void settle() override {}
  int64_t bytes_to_extend(int tokens, int length) const;

  // Makes room for `tokens` more in every layer, in blocks of its own. Throws Error(OutOfMemory, "cpu.step").
  void reserve(int tokens);
  // Counts one growth or append per layer for all that was reserved since the last call.
  void count_append();
  // After a step has written them: the sequence is longer by `tokens`; windowed layers forget.
  void commit(int tokens);
  int64_t bytes_to_append(int tokens) const;

  // Whether another sequence holds the beginning of what `layer` holds.
  bool shares(int layer) const;
  // Position before which this sequence and `other` lie in the same memory, as far as both hold it; 0 where they share none.
  int same_until(const CpuSequenceKv& other, int layer) const;

  // What the recurrent `layer` keeps: see RecurrentShape. Nobody else holds it, once room was reserved.
  float* state(int layer) const { return (*state_)->as<float>(recurrent_.layers[static_cast<size_t>(layer)].at); }

  // The 16-key panel of `position` in head `head`.
  void* key_panel(int layer, int head, int position) const;
  // The value row of `position`.
  void* value_row(int layer, int head, int position) const;
  // Where the tokens that lie together with `position` end: behind the next panels and rows of its extent.
  int together_until(int layer, int position) const;

 private:
  using Extent = SharedKv<KvExtent>;
  using Block = std::vector<Extent>;  // by `from`, the first one from 0
  struct Layer {
    std::deque<Block> blocks;
    int first_block = 0;  // absolute index of blocks.front()
    bool grew = false;    // since the last count_append()
    int end_block() const { return first_block + static_cast<int>(blocks.size()); }
    const Block& block_of(int position) const { return blocks[static_cast<size_t>(position / kBlockTokens - first_block)]; }
  };
  void drop_front(size_t layer, int blocks);
  void drop_back(size_t layer, int keep_end);
  static void cut_last_block(Layer& layer, int length);
  // `length`, or 0 where a windowed layer forgot what the next query after it would see.
  int keepable(int length) const;
  Extent new_extent(const KvShape& shape, int from) const;
  Extent new_extent(int from, PageBuffer memory) const;
  // Opens the blocks that an append up to `end` tokens begins and fills.
  void open_filled(int64_t end);
  bool must_open(const Layer& layer) const;
  void open_extent(size_t layer);
  static int same_tokens(const Block& a, const Block& b);
  const KvExtent& extent_of(int layer, int position) const;
  // First block that layer `layer` of a sequence of `length` tokens holds.
  int first_block_at(size_t layer, int length) const { return shapes_[layer].first_seen(length) / kBlockTokens; }

  void own_state();
  SharedKv<PageBuffer> new_state(const char* origin) const;

  const std::vector<KvShape>& shapes_;
  const RecurrentLayout& recurrent_;
  KvCounters& counters_;
  std::optional<SharedKv<PageBuffer>> state_;  // once something was appended, where layers recur
  std::vector<Layer> layers_;
  int length_ = 0;
};

}  // namespace semantic::cpu
