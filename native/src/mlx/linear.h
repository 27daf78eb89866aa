// y = x W^T + bias as an MLX graph: dense or quantized, plain or per expert; and the rows of an embedding.
#pragma once
#include <mlx/mlx.h>

#include <optional>
#include <string>

#include "decoder/linear_weights.h"

namespace semantic {

class Linear {
 public:
  // Floats are cast to `activations` once, here: MLX would otherwise do it in every step.
  Linear(LinearWeights weights, const LinearSpec& spec, mlx::core::Dtype activations);

  // [.., in] -> [.., out]
  mlx::core::array operator()(const mlx::core::array& x) const;

  // Row i of x goes through expert experts[i]. x [.., 1, in], experts [..] int -> [.., 1, out].
  mlx::core::array through_experts(const mlx::core::array& x, const mlx::core::array& experts, bool sorted) const;

  // ids [n] -> [n, in]: the weight's rows, dequantized.
  mlx::core::array rows(const mlx::core::array& ids) const;

  int64_t bytes() const;

 private:
  LinearWeights weights_;
  mlx::core::Dtype activations_;
  std::optional<QuantizationSpec> quantization_;
  std::string mode_;
};

// The float type the checkpoint computes in, judged by one of its linear layers.
mlx::core::Dtype float_type_of(const LinearWeights& weights);

}  // namespace semantic
