// From row-major weights, as checkpoints hold them, to panels (panel_matrix.h).
#pragma once
#include <cstdint>

#include "cpu/panel_matrix.h"
#include "cpu/thread_pool.h"
#include "cpu/weight_arena.h"

namespace semantic::cpu {

struct RowMajorWeight {
  PanelKind kind;       // Q8 holds every affine width but 4
  int bits;             // 2, 3, 4, 5, 6 or 8 where quantized; a row is in * bits / 32 words, lowest bits first
  int experts, out, in;
  int group;            // inputs per scale; `in` where not quantized
  ScaleKind scale_kind; // of the panels; mxfp4's 8-bit exponents become BF16
  const void* weight;   // [experts * out][...]
  const void* scales;   // [experts * out][in / group]; uint8 exponents for Mxfp4
  const void* biases;   // as scales, for affine ones
};

// The panels lie in the arena. Throws Error(OutOfMemory, "cpu.load").
PanelMatrix pack_panels(const RowMajorWeight& w, WeightArena& arena, ThreadPool& pool);

}  // namespace semantic::cpu
