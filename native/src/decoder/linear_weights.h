// One linear layer's tensors, checked against its spec. Both executors start from this; each repacks it as it likes.
#pragma once
#include <mlx/mlx.h>

#include <optional>

#include "decoder/spec.h"
#include "decoder/tensor_source.h"

namespace semantic {

struct LinearWeights {
  // Dense: float [out, in]. Quantized: uint32 [out, in * bits / 32]. Experts have a leading axis [experts, ..].
  mlx::core::array weight;
  std::optional<mlx::core::array> scales;  // [.., out, in / group_size]; float, or uint8 exponents for mxfp4
  std::optional<mlx::core::array> biases;  // as scales; affine only
  std::optional<mlx::core::array> bias;    // float [out] or [experts, out]
};

// `experts` = 0 for a plain linear. Throws Error(ModelFile) naming the tensor whose type or shape is not the spec's.
LinearWeights load_linear(TensorSource& source, const LinearSpec& spec, int experts = 0);

}  // namespace semantic
