// What recurrent layers keep of all that a sequence has read: f32, the same size however long the sequence is.
#pragma once
#include <vector>

#include "cpu/kernels.h"
#include "decoder/spec.h"

namespace semantic::cpu {

// Of one layer: [kernel - 1][channels], the last inputs of the convolution, oldest first; then [value_heads][key_dim][value_stride].
struct RecurrentShape {
  int channels, taps_kept, value_heads, key_dim, value_stride;

  explicit RecurrentShape(const GatedDeltaSpec& spec)
      : channels(spec.channels()), taps_kept(spec.kernel - 1), value_heads(spec.value_heads), key_dim(spec.key_dim),
        value_stride((spec.value_dim + kLanes - 1) / kLanes * kLanes) {}

  size_t inputs_floats() const { return static_cast<size_t>(taps_kept) * channels; }
  size_t head_floats() const { return static_cast<size_t>(key_dim) * value_stride; }
  size_t bytes() const { return (inputs_floats() + value_heads * head_floats()) * sizeof(float); }
};

// Where each layer's lies in the one buffer of a sequence.
struct RecurrentLayout {
  struct Layer {
    size_t at = 0, bytes = 0;  // 0 bytes: it attends
  };
  std::vector<Layer> layers;
  size_t bytes = 0;

  explicit RecurrentLayout(const DecoderSpec& spec) {
    for (const LayerSpec& layer : spec.layers) {
      const size_t own = layer.recurrence ? RecurrentShape(*layer.recurrence).bytes() : 0;
      layers.push_back({bytes, own});
      bytes += own;
    }
  }
};

}  // namespace semantic::cpu
