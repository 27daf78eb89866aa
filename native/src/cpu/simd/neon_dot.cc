// Dot products for neon without the dot-product instructions. No standard templates here: see neon.cc.
#include "cpu/kernels.h"
#include "cpu/simd/vec_neon.h"

namespace semantic::cpu::neon {
#include "cpu/simd/scales.inl"
#include "cpu/simd/dot.inl"

extern const DotKernels kDots;
const DotKernels kDots = {quantize_row, dot_product};
}  // namespace semantic::cpu::neon
