// The KV of one sequence: per layer two contiguous buffers [1, kv_heads, capacity, head_dim], appended in place.
//
// slice_update() works in place only while this object holds the sole handle of a buffer: views that append() returns
// must not outlive the step's eval. A windowed layer's buffer holds the positions [start, length); when it is full it
// slides, keeping the last `window` tokens.
#pragma once
#include <mlx/mlx.h>

#include <memory>
#include <optional>
#include <vector>

#include "executor.h"

namespace semantic {

struct LayerKvShape {
  int kv_heads;
  int head_dim;
  std::optional<int> window;
};

// Where an append of `tokens` to a buffer with positions [start, length) will put them.
struct AppendPlan {
  int start;     // first position held afterwards
  int capacity;  // tokens
  bool moves;    // a new buffer is needed
};

AppendPlan plan_append(const LayerKvShape& layer, int start, int length, int capacity, int tokens);

class MlxSequenceKv final : public SequenceKv {
 public:
  MlxSequenceKv(const std::vector<LayerKvShape>& layers, mlx::core::Dtype type, std::shared_ptr<KvCounters> counters);
  ~MlxSequenceKv() override;

  int length() const override { return length_; }
  int truncate(int length) override;

  struct View {
    mlx::core::array k, v;  // [1, kv_heads, tokens held, head_dim], the new ones last
    int start;              // position of the first
  };
  // k, v [1, kv_heads, tokens, head_dim]. The length stays until commit(): all layers append at the same position.
  View append(int layer, const mlx::core::array& k, const mlx::core::array& v);
  void commit(int tokens) { length_ += tokens; }

  void collect(std::vector<mlx::core::array>& arrays) const;  // every buffer, to evaluate
  int64_t bytes_to_append(int tokens) const;

 private:
  struct Layer {
    std::optional<mlx::core::array> k, v;
    int start = 0;
    int capacity = 0;
  };
  int64_t bytes_of(int layer, int capacity) const;
  void release(int layer);

  const std::vector<LayerKvShape>& shapes_;  // the executor's
  mlx::core::Dtype type_;
  std::shared_ptr<KvCounters> counters_;
  std::vector<Layer> layers_;
  int length_ = 0;
};

}  // namespace semantic
