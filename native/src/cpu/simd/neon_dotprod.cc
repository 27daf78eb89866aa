// Dot products for neon with the dot-product instructions, compiled with its own flags. No standard templates here: see neon.cc.
#include "cpu/kernels.h"
#include "cpu/simd/vec_neon.h"

namespace semantic::cpu::neon {
#include "cpu/simd/scales.inl"
#include "cpu/simd/dot.inl"

extern const DotKernels kDotprodDots;
const DotKernels kDotprodDots = {quantize_row, dot_product};
}  // namespace semantic::cpu::neon
