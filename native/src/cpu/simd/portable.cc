// The kernels for portable, compiled with its own flags. No standard templates here: their instances could be linked in elsewhere.
#include "cpu/kernels.h"
#include "cpu/simd/vec_portable.h"

namespace semantic::cpu::portable {
#include "cpu/simd/scales.inl"
#include "cpu/simd/linear.inl"
#include "cpu/simd/rows.inl"
#include "cpu/simd/delta.inl"
#include "cpu/simd/kv.inl"
#include "cpu/simd/attention.inl"

extern const Kernels kTable;
const Kernels kTable = {"portable",      kTilePanels, gemv,     gemm,     embed,        rms_norm, layer_norm, store_row, add_row, add_scaled,
                        activate, gelu, softcap,     gate_row, convolve, delta_rule, rotate,   write_values, write_keys, expand_keys, expand_values, attend,    merge,   finish, {}};
}  // namespace semantic::cpu::portable
