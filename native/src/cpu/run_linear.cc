#include "cpu/run_linear.h"

#include <algorithm>

namespace semantic::cpu {
namespace {

constexpr int kGemvPanels = kMaxTilePanels;  // most panels of a chunk with few rows
constexpr int kFewDotRows = 48;              // up to which dot products are cut as finely as gemv: they unpack nothing
constexpr int kChunksPerThread = 4;

int chunks_with(std::span<const LinearTask> tasks, int panels) {
  int chunks = 0;
  for (const LinearTask& t : tasks) chunks += (t.matrix->panels + panels - 1) / panels;
  return chunks;
}

// Panels per chunk for few rows: the largest with which the threads finish together.
int gemv_chunk_panels(std::span<const LinearTask> tasks, int threads) {
  int best = 1, best_cost = 0;
  for (int panels = 1; panels <= kGemvPanels; ++panels) {
    const int cost = (chunks_with(tasks, panels) + threads - 1) / threads * panels;
    if (panels == 1 || cost <= best_cost) {
      best = panels;
      best_cost = cost;
    }
  }
  return best;
}

void finish_row(const LinearTask& t, const Kernels& kernels, int panel, int panels, int row, const float* a, const float* b) {
  const int column = panel * kLanes;
  const int n = std::min(panels * kLanes, t.matrix->out - column);
  const ptrdiff_t bias_at = static_cast<ptrdiff_t>(t.matrix->expert_panel(t.expert, panel)) * kLanes;
  const float* bias = t.matrix->bias ? t.matrix->bias + bias_at : nullptr;
  float* y = t.y + row * t.y_stride + column;
  if (t.finish == Finish::Add) {
    kernels.add(a, bias, n, y);
    return;
  }
  if (t.finish == Finish::Store) {
    kernels.store(a, bias, n, y);
    if (t.softcap != 0) kernels.softcap(y, n, t.softcap);
    return;
  }
  if (t.finish == Finish::Gelu) {
    kernels.store(a, bias, n, y);
    kernels.gelu(y, n, y);
    return;
  }
  float gate[kMaxTilePanels * kLanes], up[kMaxTilePanels * kLanes];
  if (bias) {
    kernels.store(a, bias, n, gate);
    a = gate;
  }
  if (t.second->bias) {
    kernels.store(b, t.second->bias + bias_at, n, up);
    b = up;
  }
  static_assert(static_cast<int>(Activation::Kind::Silu) == static_cast<int>(ActivationKind::Silu));
  static_assert(static_cast<int>(Activation::Kind::GeluTanh) == static_cast<int>(ActivationKind::GeluTanh));
  static_assert(static_cast<int>(Activation::Kind::SwigluClamped) == static_cast<int>(ActivationKind::SwigluClamped));
  kernels.activate(static_cast<ActivationKind>(t.activation.kind), t.activation.alpha, t.activation.limit, a, b, n, y);
}

}  // namespace

int plan_linear(std::span<LinearTask> tasks, int threads) {
  const int few_panels = gemv_chunk_panels(tasks, threads);
  int chunks = 0;
  for (LinearTask& t : tasks) {
    const bool few = t.rows <= (t.wants_codes() ? kFewDotRows : kGemvRows);
    t.chunk_panels = few ? few_panels : kMaxTilePanels;
    t.panel_chunks = (t.matrix->panels + t.chunk_panels - 1) / t.chunk_panels;
    t.chunk_rows = t.rows;
    if (!few) {
      // Rows are cut to fit the accumulators, and further while threads would be idle; both halves dequantize then.
      t.chunk_rows = std::min(t.rows, kLinearRows);
      const auto cut = [&] { return t.panel_chunks * ((t.rows + t.chunk_rows - 1) / t.chunk_rows); };
      while (cut() < kChunksPerThread * threads && t.chunk_rows > 48) t.chunk_rows = std::max(48, (t.chunk_rows / 2 + 11) / 12 * 12);
    }
    t.first_chunk = chunks;
    chunks += t.panel_chunks * ((t.rows + std::max(1, t.chunk_rows) - 1) / std::max(1, t.chunk_rows));
  }
  return chunks;
}

void run_linear_chunk(std::span<const LinearTask> tasks, int chunk, const Kernels& kernels, ThreadScratch& scratch) {
  const auto after = std::upper_bound(tasks.begin(), tasks.end(), chunk, [](int c, const LinearTask& t) { return c < t.first_chunk; });
  const LinearTask& t = *(after - 1);
  const int index = chunk - t.first_chunk;
  const int panel = index % t.panel_chunks * t.chunk_panels;
  const int panels = std::min(t.chunk_panels, t.matrix->panels - panel);
  const int row = index / t.panel_chunks * t.chunk_rows;
  const int rows = std::min(t.chunk_rows, t.rows - row);
  const float* const* in = t.x + row;
  const ptrdiff_t stride = static_cast<ptrdiff_t>(panels) * kLanes;

  const auto multiply = [&](const PanelMatrix& w, float* out) {
    const int first = w.expert_panel(t.expert, panel);
    if (t.fine_above && has_codes(w)) {
      kernels.dots.multiply(w, first, panels, t.codes + row * t.code_stride, t.code_stride, rows, out, stride);
      return;
    }
    if (t.rows <= kGemvRows) {
      kernels.gemv(w, first, panels, in, rows, out, stride);
      return;
    }
    for (int p = 0; p < panels; p += kernels.tile_panels) {
      kernels.gemm(w, first + p, std::min(kernels.tile_panels, panels - p), in, rows, out + p * kLanes, stride, scratch.dequantized);
    }
  };
  multiply(*t.matrix, scratch.acc_a);
  if (t.finish == Finish::Gate) multiply(*t.second, scratch.acc_b);
  for (int r = 0; r < rows; ++r) {
    finish_row(t, kernels, panel, panels, row + r, scratch.acc_a + r * stride, scratch.acc_b + r * stride);
  }
}

}  // namespace semantic::cpu
