// The KV of a sequence: per layer a chain of blocks of 256 tokens, each its own memory. Growing adds a block and moves
// nothing; a windowed layer frees the blocks that left its window; positions stay absolute, so block borders never shift.
// A fork holds the same blocks. Full ones are shared for good; the last one is copied by the first holder that appends.
#pragma once
#include <deque>
#include <vector>

#include "cpu/page_buffer.h"
#include "executor.h"
#include "shared_kv.h"

namespace semantic::cpu {

// What one layer keeps per token.
struct KvShape {
  int kv_heads, head_dim;
  int value_stride;   // head_dim rounded up to 16
  int window;         // 0 = all
  int element_bytes;  // 2 = f16, 4 = f32

  // A block: keys [kv_heads][256 / 16][head_dim][16], then values [kv_heads][256][value_stride].
  size_t key_bytes() const { return static_cast<size_t>(kv_heads) * kBlockTokens * head_dim * element_bytes; }
  size_t value_bytes() const { return static_cast<size_t>(kv_heads) * kBlockTokens * value_stride * element_bytes; }
  size_t block_bytes() const { return key_bytes() + value_bytes(); }
  int64_t bytes_per_token() const { return static_cast<int64_t>(block_bytes() / kBlockTokens); }
  // First position that a query at `position` sees.
  int first_seen(int position) const { return window > 0 && position >= window ? position - window + 1 : 0; }
};

class CpuSequenceKv final : public SequenceKv {
 public:
  CpuSequenceKv(const std::vector<KvShape>& shapes, KvCounters& counters);

  int length() const override { return length_; }
  int truncate(int length) override;
  std::unique_ptr<SequenceKv> fork(int length) const override;

  // Makes room for `tokens` more in every layer, in blocks of its own. Throws Error(OutOfMemory, "cpu.step").
  void reserve(int tokens);
  // Counts one growth or append per layer for all that was reserved since the last call.
  void count_append();
  // After a step has written them: the sequence is longer by `tokens`; windowed layers forget.
  void commit(int tokens);
  int64_t bytes_to_append(int tokens) const;

  // The 16-key panel of `position` in head `head`: [head_dim][16].
  void* key_panel(int layer, int head, int position) const;
  // The value row of `position`: [value_stride].
  void* value_row(int layer, int head, int position) const;

 private:
  using Block = SharedKv<PageBuffer>;
  struct Layer {
    std::deque<Block> blocks;
    int first_block = 0;  // absolute index of blocks.front()
    bool grew = false;    // since the last count_append()
  };
  void drop_front(size_t layer, int blocks);
  void drop_back(size_t layer, int keep_end);
  // `length`, or 0 where a windowed layer forgot what the next query after it would see.
  int keepable(int length) const;
  Block new_block(const KvShape& shape);
  bool must_copy(const Layer& layer) const;
  void copy_last_block(size_t layer);

  const std::vector<KvShape>& shapes_;
  KvCounters& counters_;
  std::vector<Layer> layers_;
  int length_ = 0;
};

}  // namespace semantic::cpu
