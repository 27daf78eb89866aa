// An RMSNorm's weight with its offset folded in.
#pragma once
#include <mlx/mlx.h>

#include "decoder/spec.h"
#include "decoder/tensor_source.h"

namespace semantic {

// f32 [width] = weight + weight_offset. Throws Error(ModelFile) naming the tensor when its shape or type is another.
mlx::core::array load_norm_weight(TensorSource& source, const NormSpec& spec, int width);

// f32 [size] of any float tensor, such as attention sinks.
mlx::core::array load_vector(TensorSource& source, const TensorRef& ref, int size);

// The same of any shape.
mlx::core::array load_floats(TensorSource& source, const TensorRef& ref, const mlx::core::Shape& shape);

}  // namespace semantic
