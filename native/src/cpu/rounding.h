// How inputs of linear layers become int8 (DotKernels::quantize).
#pragma once
#include <optional>

#include "compute.h"

namespace semantic::cpu {

// Few inputs are far larger than the others of their row, and a record that holds one would round its others coarsely. With these as
// fine as int8x2 and the rest in one plane the starter model is 6e-4 nats from exact, without 3.6e-3 (docs/benchmarks/compute.md).
inline constexpr float kOutlier = 5;  // times the root mean square of the row

// `fine_above` of a row; none: it stays f32.
constexpr std::optional<float> fine_above(Compute compute) {
  if (compute == Compute::Exact) return std::nullopt;
  return compute == Compute::Int8x2 ? 0 : kOutlier;
}

}  // namespace semantic::cpu
