// Linear layers over the rows of a slice, as one phase of the pool.
#pragma once
#include <optional>
#include <span>

#include "cpu/run.h"

namespace semantic::cpu {

enum class Finish : uint8_t {
  Store,  // y = W x + b
  Add,    // y += W x + b
  Gate,   // y = activation(W x + b, W2 x + b2)
  Gelu,   // y = gelu(W x + b)
};

// One matrix (of one expert) over some rows; with Gate two.
struct LinearTask {
  const PanelMatrix* matrix;
  const PanelMatrix* second = nullptr;
  int expert = 0;
  Finish finish = Finish::Store;
  const float* const* x = nullptr;  // [rows]
  std::optional<float> fine_above{};     // matrices that have codes take quantized rows; none: f32
  const unsigned char* codes = nullptr;  // [rows] at code_stride: x, quantized
  ptrdiff_t code_stride = 0;
  int rows = 0;
  float* y = nullptr;
  ptrdiff_t y_stride = 0;
  Activation activation{};
  float softcap = 0;

  // Set by plan_linear.
  int first_chunk = 0, chunk_panels = 0, panel_chunks = 0, chunk_rows = 0;

  bool wants_codes() const { return fine_above && (has_codes(*matrix) || (second != nullptr && has_codes(*second))); }
};

// Cuts the tasks into chunks; returns how many.
int plan_linear(std::span<LinearTask> tasks, int threads);
void run_linear_chunk(std::span<const LinearTask> tasks, int chunk, const Kernels& kernels, ThreadScratch& scratch);

}  // namespace semantic::cpu
