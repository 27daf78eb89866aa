// Dot products for avx2, compiled with its own flags. No standard templates here: see avx2.cc.
#include "cpu/kernels.h"
#include "cpu/simd/vec_avx2.h"

namespace semantic::cpu::avx2 {
#include "cpu/simd/scales.inl"
#include "cpu/simd/dot.inl"

extern const DotKernels kDots;
const DotKernels kDots = {quantize_row, dot_product};
}  // namespace semantic::cpu::avx2
