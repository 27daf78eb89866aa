// The KV of one sequence: per layer a chain of pieces, each two contiguous buffers [1, kv_heads, capacity,
// row width] of what KvCodec makes of a head's key or value.
// Only the last piece is appended to, in place, and only while nobody else holds it: a fork holds the same pieces, and
// whoever appends next opens a piece of its own behind them. Attention over a chain sees the pieces joined for the call.
//
// slice_update() works in place only while a piece holds the sole handle of a buffer: views that append() returns must
// not outlive the step's eval. In a windowed layer a full last piece slides, keeping the blocks that the window reaches
// into, and pieces before these go. In other layers a piece that nobody else holds any more is joined with the next when that one
// has to move.
#pragma once
#include <mlx/mlx.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "executor.h"
#include "mlx/kv_codec.h"
#include "shared_kv.h"

namespace semantic {

struct LayerKvShape {
  int kv_heads;
  int head_dim;
  std::optional<int> window;
  // Of a layer that recurs, which has no KV heads: what it keeps in their place, both f32.
  mlx::core::Shape inputs{};  // [kernel - 1, channels], the last inputs of the convolution, oldest first
  mlx::core::Shape state{};   // [value_heads, value_dim, key_dim]

  bool recurs() const { return !state.empty(); }
  int64_t state_bytes() const;
};

struct RecurrentState {
  mlx::core::array inputs, state;
};

class MlxSequenceKv final : public SequenceKv {
 public:
  MlxSequenceKv(const std::vector<LayerKvShape>& layers, const KvCodec& codec, std::shared_ptr<KvCounters> counters);

  int length() const override { return length_; }
  int truncate(int length) override;
  std::unique_ptr<SequenceKv> fork(int length) const override;

  int first_held(int layer) const override;
  int first_needed(int layer, int length) const override {
    return (recurs(layer) ? length - 1 : first_seen(layer, length)) / kBlockTokens * kBlockTokens;
  }
  bool recurs(int layer) const override { return shapes_[layer].recurs(); }
  KvPart part(int layer, int start, int count) const override;
  void extend(int tokens, int length) override;
  std::vector<KvBytes> room(int layer, int start, int count) const override;
  void settle() override;
  int64_t bytes_to_extend(int tokens, int length) const;

  struct View {
    mlx::core::array k, v;  // [1, kv_heads, tokens seen, row width], the new ones last
    int start;              // position of the first
  };
  // k, v [1, kv_heads, tokens, head_dim]. The length stays until commit(): all layers append at the same position.
  View append(int layer, const mlx::core::array& k, const mlx::core::array& v);
  void commit(int tokens) { length_ += tokens; }

  // What a layer that recurs keeps: zeros before the first token. A new one takes its place; forks keep theirs.
  RecurrentState state(int layer) const;
  void set_state(int layer, RecurrentState state);

  void collect(std::vector<mlx::core::array>& arrays) const;  // every buffer that a step writes, to evaluate
  // What append() allocates, and the joined copy of a chain that one layer's attention reads.
  int64_t bytes_to_append(int tokens) const;

 private:
  struct Buffers {
    mlx::core::array k, v;
    int capacity;  // tokens
  };
  // Positions [start, end) of a sequence, at the front of the buffers.
  struct Piece {
    SharedKv<Buffers> buffers;
    int start, end;
    int tokens() const { return end - start; }
  };
  using Chain = std::deque<Piece>;

  // Where an append of `tokens` will put them.
  struct AppendPlan {
    int forget;    // pieces at the front that no later query sees
    int join;      // pieces at the back whose tokens go into the new piece
    int start;     // first position of the piece that is written
    int capacity;  // of it, tokens
    bool moves;    // a new piece is needed
    bool copies_shared;
  };

  AppendPlan plan_append(int layer, int tokens) const;
  int first_seen(int layer, int position) const;
  // `length`, or 0 where a windowed layer forgot what the next query after it would see.
  int keepable(int length) const;
  static void cut(Chain& chain, int length);
  // Tokens that extend() gives memory in `layer`: from this position on.
  int first_extended(int layer, int length) const { return std::max(length_, first_needed(layer, length)); }
  int64_t bytes_of(int layer, int64_t tokens) const;
  Piece new_piece(int layer, const AppendPlan& plan);

  const std::vector<LayerKvShape>& shapes_;  // the executor's, as is the codec
  const KvCodec& codec_;
  std::shared_ptr<KvCounters> counters_;
  std::vector<Chain> layers_;
  std::vector<std::optional<SharedKv<RecurrentState>>> states_;  // by layer
  int length_ = 0;
};

}  // namespace semantic
