// Dot products for avx512 with VNNI, compiled with its own flags. No standard templates here: see avx512.cc.
#include "cpu/kernels.h"
#include "cpu/simd/vec_avx512.h"

namespace semantic::cpu::avx512 {
#include "cpu/simd/scales.inl"
#include "cpu/simd/dot.inl"

extern const DotKernels kVnniDots;
const DotKernels kVnniDots = {quantize_row, dot_product};
}  // namespace semantic::cpu::avx512
