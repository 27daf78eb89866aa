// What linear layers of the cpu executor compute with: the twin of src/core/domain/compute.ts.
#pragma once

namespace semantic {

// Exact: f32 activations. The others: int8 activations against the codes of quantized weights (cpu/quantized_row.h), two int8 each
// or one; layers whose weights are not quantized stay exact.
enum class Compute { Exact, Int8x2, Int8 };  // in the order of Compute in index.d.ts

constexpr const char* compute_name(Compute compute) {
  constexpr const char* names[] = {"exact", "int8x2", "int8"};
  return names[static_cast<int>(compute)];
}

}  // namespace semantic
