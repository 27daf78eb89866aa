// The feed-forward half of a layer as an MLX graph: dense, or a mixture of experts.
#pragma once
#include <mlx/mlx.h>

#include <memory>

#include "mlx/linear.h"

namespace semantic {

class FeedForward {
 public:
  virtual ~FeedForward() = default;
  virtual mlx::core::array operator()(const mlx::core::array& x) const = 0;  // [N, hidden] -> [N, hidden]
  virtual int64_t bytes() const = 0;
};

std::unique_ptr<FeedForward> make_feed_forward(TensorSource& source, const LayerSpec& spec, mlx::core::Dtype activations);

}  // namespace semantic
