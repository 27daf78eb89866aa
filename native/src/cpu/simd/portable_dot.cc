// Dot products for CPUs without the other instruction sets. No standard templates here: see portable.cc.
#include "cpu/kernels.h"
#include "cpu/simd/vec_portable.h"

namespace semantic::cpu::portable {
#include "cpu/simd/scales.inl"
#include "cpu/simd/dot.inl"

extern const DotKernels kDots;
const DotKernels kDots = {quantize_row, dot_product};
}  // namespace semantic::cpu::portable
