// One layer's attention over a ragged batch: projections and norms over all rows at once, RoPE with each sequence's own
// positions, scores per sequence on its own contiguous buffers.
#pragma once
#include <mlx/mlx.h>

#include <optional>

#include "mlx/batch_layout.h"
#include "mlx/linear.h"
#include "mlx/sequence_kv.h"

namespace semantic {

struct RopeTable {
  int dims;
  mlx::core::array wavelengths;            // f32 [dims / 2] = 1 / inverse frequencies, as mx::fast::rope wants them
  std::optional<mlx::core::array> factor;  // [head_dim]: attention_factor on the rotated elements, 1 on the others
};

RopeTable make_rope_table(const RopeSpec& spec, int head_dim, mlx::core::Dtype activations);

class Attention {
 public:
  Attention(TensorSource& source, const DecoderSpec& spec, const AttentionSpec& attention, mlx::core::Dtype activations,
            const KvCodec& codec);

  // x [N, hidden] -> [N, hidden]; appends to layer `layer` of every entry's KV.
  mlx::core::array operator()(const mlx::core::array& x, const BatchLayout& layout, std::span<const BatchEntry> batch,
                              int layer) const;

  LayerKvShape kv_shape() const { return {spec_.kv_heads, spec_.head_dim, spec_.window}; }
  int64_t bytes() const;

 private:
  // rows [N, heads, head_dim] of one entry -> [1, heads, tokens, head_dim] with positions applied
  mlx::core::array rotate(const mlx::core::array& heads, int position) const;
  // q [1, heads, tokens, head_dim] -> the same shape
  mlx::core::array attend(const mlx::core::array& q, const MlxSequenceKv::View& kv, int position) const;
  mlx::core::array attend_block(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
                                int first_query, int first_key) const;
  mlx::core::array softcapped(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
                              const std::optional<mlx::core::array>& mask) const;

  AttentionSpec spec_;
  KvCodec codec_;
  Linear q_, k_, v_, o_;
  std::optional<Linear> gate_;
  std::optional<mlx::core::array> q_norm_, k_norm_;  // [head_dim]
  std::optional<mlx::core::array> sinks_;            // [heads]
  RopeTable rope_;
};

// Queries scored at once on the CPU, where MLX materializes scores [heads, queries, keys]; bounds their memory.
inline constexpr int kCpuQueryBlock = 64;

}  // namespace semantic
