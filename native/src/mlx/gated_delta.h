// One layer's gated delta net over a ragged batch: projections over all rows at once, then sequence by sequence a causal convolution
// and, token by token, the delta rule on a state per head. The recurrence is computed in f32.
#pragma once
#include <mlx/mlx.h>

#include "mlx/batch_layout.h"
#include "mlx/linear.h"
#include "mlx/sequence_kv.h"

namespace semantic {

class GatedDelta {
 public:
  GatedDelta(TensorSource& source, const GatedDeltaSpec& spec, mlx::core::Dtype activations);

  // [N, hidden] -> [N, hidden]; the entries' states go on.
  mlx::core::array operator()(const mlx::core::array& x, const BatchLayout& layout, std::span<const BatchEntry> batch, int layer) const;

  int64_t bytes() const;

 private:
  struct Run {
    mlx::core::array out;  // [tokens, value_heads, value_dim]
    RecurrentState state;
  };
  // mixed [tokens, channels] before the convolution; decay, beta [tokens, value_heads].
  Run recur(const RecurrentState& from, const mlx::core::array& mixed, const mlx::core::array& decay, const mlx::core::array& beta) const;

  GatedDeltaSpec spec_;
  mlx::core::Dtype activations_;
  Linear q_, k_, v_, z_, b_, a_, o_;
  mlx::core::array conv_;              // f32 [channels, kernel]
  mlx::core::array rate_, dt_bias_;    // f32 [value_heads]: -exp(a_log), and as it is
  mlx::core::array norm_;              // [value_dim]
};

}  // namespace semantic
