// The gated delta net over the rows of a slice: a causal convolution, then token by token a state per head.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/recurrent_state.h"
#include "cpu/run.h"

namespace semantic::cpu {
namespace {

constexpr int kRowsPerChunk = 8;
constexpr float kNormEps = 1e-6f;  // of the sum of squares of q and k, fixed in the family's code

float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }
float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// Row `t` of a part's inputs of the convolution, counted from its first row in this slice; negative: what came before it.
const float* input_of(const Run& run, const SlicePart& part, const RecurrentShape& shape, const float* state, int t) {
  return t >= 0 ? run.scratch.mixed[part.row + t] : state + static_cast<ptrdiff_t>(shape.taps_kept + t) * shape.channels;
}

void convolve_row(const Run& run, const GatedDeltaSpec& spec, const DeltaWeights& w, int layer, int row) {
  const RecurrentShape shape(spec);
  const SlicePart& part = run.slice.parts[run.slice.part_of[row]];
  const float* state = part.kv->state(layer);
  std::vector<const float*> taps(static_cast<size_t>(spec.kernel));
  for (int tap = 0; tap < spec.kernel; ++tap) taps[tap] = input_of(run, part, shape, state, row - part.row - shape.taps_kept + tap);
  float* out = run.scratch.convolved[row];
  run.kernels.convolve(taps.data(), w.conv.data(), w.conv_stride, spec.kernel, shape.channels, out);
  const float eps = kNormEps / static_cast<float>(spec.key_dim);  // the kernel adds it to the mean
  for (int head = 0; head < spec.key_heads; ++head) {
    float *q = out + head * spec.key_dim, *k = q + spec.keys();
    run.kernels.rms_norm(q, w.q_scale.data(), spec.key_dim, eps, q);
    run.kernels.rms_norm(k, w.k_scale.data(), spec.key_dim, eps, k);
  }
}

// The last inputs of the convolution, for the rows to come.
void keep_inputs(const Run& run, const SlicePart& part, const RecurrentShape& shape, float* state) {
  for (int i = 0; i < shape.taps_kept; ++i) {
    const float* input = input_of(run, part, shape, state, part.count - shape.taps_kept + i);
    std::copy_n(input, shape.channels, state + static_cast<ptrdiff_t>(i) * shape.channels);
  }
}

void run_head(const Run& run, const GatedDeltaSpec& spec, const DeltaWeights& w, const SlicePart& part, float* state, int head) {
  const RecurrentShape shape(spec);
  const Scratch& s = run.scratch;
  const int key_head = head / (spec.value_heads / spec.key_heads);
  for (int row = part.row; row < part.row + part.count; ++row) {
    const float* in = s.convolved[row];
    float* out = s.attended[row] + head * spec.value_dim;
    run.kernels.delta_rule({.state = state,
                            .stride = shape.value_stride,
                            .key_dim = spec.key_dim,
                            .value_dim = spec.value_dim,
                            .q = in + key_head * spec.key_dim,
                            .k = in + spec.keys() + key_head * spec.key_dim,
                            .v = in + 2 * spec.keys() + head * spec.value_dim,
                            .decay = std::exp(-w.decay[head] * softplus(s.decay[row][head] + w.dt_bias[head])),
                            .beta = sigmoid(s.beta[row][head]),
                            .out = out});
    run.kernels.rms_norm(out, w.norm.weight.data(), spec.value_dim, w.norm.eps, out);
    run.kernels.activate(ActivationKind::Silu, 0, 0, s.gate[row] + head * spec.value_dim, out, spec.value_dim, out);
  }
}

}  // namespace

void run_delta(Run& run, ThreadPool::Worker& worker, int layer) {
  const GatedDeltaSpec& spec = *run.spec.layers[layer].recurrence;
  const DeltaWeights& w = *run.weights.layers[layer].recurrence;
  const RecurrentShape shape(spec);
  const int rows = run.slice.rows();
  worker.phase((rows + kRowsPerChunk - 1) / kRowsPerChunk, [&](int chunk) {
    for (int r = chunk * kRowsPerChunk; r < std::min(rows, (chunk + 1) * kRowsPerChunk); ++r) convolve_row(run, spec, w, layer, r);
  });
  worker.phase(static_cast<int>(run.slice.parts.size()) * spec.value_heads, [&](int chunk) {
    const SlicePart& part = run.slice.parts[chunk / spec.value_heads];
    const int head = chunk % spec.value_heads;
    float* state = part.kv->state(layer);
    run_head(run, spec, w, part, state + shape.inputs_floats() + head * shape.head_floats(), head);
    if (head == 0) keep_inputs(run, part, shape, state);
  });
}

}  // namespace semantic::cpu
