#include <algorithm>
#include <limits>

#include "cpu/run_encoder.h"

namespace semantic::cpu {
namespace {

// Keys and values of a panel's rows into the layout that attend() reads; q is scaled on the way.
void store_panel(const EncoderRun& run, const EncoderRows& rows, int head) {
  const EncoderScratch& s = run.scratch;
  const EncoderInput& input = run.plan.inputs[rows.input];
  const int d = run.spec.head_dim, panel = input.panel + (rows.row - input.row) / kLanes;
  float *keys = s.keys(head, panel), *values = s.values(head, panel);
  for (int i = 0; i < rows.count; ++i) {
    const int row = rows.row + i;
    run.kernels.rotate(s.q[row] + head * d, nullptr, nullptr, 0, d, run.spec.scale);  // by nothing: scales only
    run.kernels.write_keys(s.k[row] + head * d, d, KvFormat::F32, keys, i);
    run.kernels.write_values(s.v[row] + head * d, d, KvFormat::F32, values + static_cast<ptrdiff_t>(i) * s.value_stride);
  }
}

// Blocks of keys are merged in order from a start of nothing.
void attend_tile(const EncoderRun& run, const EncoderRows& tile, int head, ThreadScratch& t) {
  const EncoderScratch& s = run.scratch;
  const EncoderInput& input = run.plan.inputs[tile.input];
  const int d = run.spec.head_dim, rows = tile.count;
  std::fill_n(t.max, rows, -std::numeric_limits<float>::infinity());
  std::fill_n(t.sum, rows, 0.0f);
  std::fill_n(t.out, static_cast<ptrdiff_t>(rows) * s.value_stride, 0.0f);
  std::fill_n(t.lo, rows, 0);
  for (int i = 0; i < rows; ++i) t.queries[i] = s.q[tile.row + i] + head * d;
  for (int first = 0; first < input.count; first += kAttendKeys) {
    const int panel = input.panel + first / kLanes, next = first + kAttendKeys < input.count ? panel + kAttendKeys / kLanes : input.panel;
    std::fill_n(t.hi, rows, std::min(kAttendKeys, input.count - first));
    run.kernels.attend({.keys = s.keys(head, panel),
                        .values = s.values(head, panel),
                        .format = KvFormat::F32,
                        .head_dim = d,
                        .value_stride = s.value_stride,
                        .rows = rows,
                        .queries = t.queries,
                        .lo = t.lo,
                        .hi = t.hi,
                        .softcap = 0,
                        .scores = t.scores,
                        .max = t.block_max,
                        .sum = t.block_sum,
                        .out = t.block_out,
                        .next = s.keys(head, next)});
    run.kernels.merge(rows, t.max, t.sum, t.out, t.block_max, t.block_sum, t.block_out, s.value_stride);
  }
  for (int i = 0; i < rows; ++i) {
    run.kernels.finish(t.max[i], t.sum[i], nullptr, t.out + static_cast<ptrdiff_t>(i) * s.value_stride, d, s.attended[tile.row + i] + head * d);
  }
}

}  // namespace

static_assert(kEncoderTileRows <= kMaxAttendRows);

void run_encoder_attention(EncoderRun& run, ThreadPool::Worker& worker) {
  const int heads = run.spec.heads;
  worker.phase(static_cast<int>(run.plan.panels.size()) * heads,
               [&](int chunk) { store_panel(run, run.plan.panels[chunk / heads], chunk % heads); });
  ThreadScratch& mine = run.scratch.threads[worker.index()];
  worker.phase(static_cast<int>(run.plan.tiles.size()) * heads,
               [&](int chunk) { attend_tile(run, run.plan.tiles[chunk / heads], chunk % heads, mine); });
}

}  // namespace semantic::cpu
