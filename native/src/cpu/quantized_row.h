// A row of activations as the dot-product kernels read it: a record per kQuantInputs inputs, one after the other.
//   fine      x = scale * q, q = 256 * high + low in -32512..32512
//   coarse    low = 0: x = 256 * scale * high, high in -127..127
// Whether a record is fine depends on its row alone. Kernels skip the low plane of coarse records where few of a tile are fine; the bits
// are the same with it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/panel_matrix.h"

namespace semantic::cpu {

inline constexpr int kQuantInputs = 32;

struct QuantRecord {
  int8_t high[kQuantInputs], low[kQuantInputs];  // in the order 0 2 4 6 1 3 5 7 of each 8 inputs
  float scale, coarse_scale;                     // 256 times the scale
  float scaled_sum;                              // scale * sum
  int32_t sum;                                   // of the q
  int32_t fine;                                  // 1 or 0
};

constexpr size_t quantized_bytes(int inputs) { return static_cast<size_t>((inputs + kQuantInputs - 1) / kQuantInputs) * sizeof(QuantRecord); }

// Whether the dot-product kernels take this weight.
inline bool has_codes(const PanelMatrix& w) {
  return (w.kind == PanelKind::Q4 || w.kind == PanelKind::Q8 || w.kind == PanelKind::Mxfp4) && w.group % kQuantInputs == 0;
}

}  // namespace semantic::cpu
