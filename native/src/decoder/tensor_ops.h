// Turns a tensor as the checkpoint stores it into the shape the spec describes: TensorRef::ops, in order, lazily.
#pragma once
#include <mlx/mlx.h>

#include "decoder/spec.h"

namespace semantic {

mlx::core::array apply_tensor_ops(mlx::core::array tensor, const TensorRef& ref);

}  // namespace semantic
