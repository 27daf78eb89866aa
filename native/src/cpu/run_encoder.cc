#include "cpu/run_encoder.h"

#include <algorithm>

#include "cpu/run_linear.h"

namespace semantic::cpu {
namespace {

constexpr int kRowsPerChunk = 8;

template <class Body>
void each_row(const EncoderRun& run, ThreadPool::Worker& worker, Body&& body) {
  const int rows = run.plan.rows();
  worker.phase((rows + kRowsPerChunk - 1) / kRowsPerChunk, [&](int chunk) {
    for (int r = chunk * kRowsPerChunk; r < std::min(rows, (chunk + 1) * kRowsPerChunk); ++r) body(r);
  });
}

void normalize(const EncoderRun& run, const LayerNorm& norm, float* x) {
  run.kernels.layer_norm(x, norm.weight.data(), norm.bias.data(), run.spec.hidden_size, norm.eps, x);
}

LinearTask task(const EncoderRun& run, const Linear& w, const Rows& x, Rows& y, Finish finish = Finish::Store) {
  return {.matrix = &w.matrix, .finish = finish, .x = x.pointers.data(), .rows = run.plan.rows(), .y = y.data, .y_stride = y.stride};
}

void run_tasks(const EncoderRun& run, ThreadPool::Worker& worker, std::span<LinearTask> tasks) {
  ThreadScratch& mine = run.scratch.threads[worker.index()];
  worker.phase(plan_linear(tasks, run.threads), [&](int chunk) { run_linear_chunk(tasks, chunk, run.kernels, mine); });
}

void run_embedding(const EncoderRun& run, ThreadPool::Worker& worker) {
  const int width = run.spec.hidden_size;
  each_row(run, worker, [&](int r) {
    float* x = run.scratch.hidden[r];
    run.kernels.embed(run.weights.embedding.matrix, run.plan.tokens[r], 1, x);
    run.kernels.add(run.weights.positions.data() + static_cast<ptrdiff_t>(run.plan.positions[r]) * width, nullptr, width, x);
    normalize(run, run.weights.embedding_norm, x);
  });
}

void run_layer(EncoderRun& run, ThreadPool::Worker& worker, const EncoderLayerWeights& w) {
  EncoderScratch& s = run.scratch;
  LinearTask projections[] = {task(run, w.q, s.hidden, s.q), task(run, w.k, s.hidden, s.k), task(run, w.v, s.hidden, s.v)};
  run_tasks(run, worker, projections);
  run_encoder_attention(run, worker);
  LinearTask out = task(run, w.o, s.attended, s.hidden, Finish::Add);
  run_tasks(run, worker, {&out, 1});
  each_row(run, worker, [&](int r) { normalize(run, w.attention_norm, s.hidden[r]); });
  LinearTask up = task(run, w.up, s.hidden, s.activated, Finish::Gelu);
  run_tasks(run, worker, {&up, 1});
  LinearTask down = task(run, w.down, s.activated, s.hidden, Finish::Add);
  run_tasks(run, worker, {&down, 1});
  each_row(run, worker, [&](int r) { normalize(run, w.feed_forward_norm, s.hidden[r]); });
}

// Rows are added one by one, in order.
void pool(const EncoderRun& run, const EncoderInput& input, float* vector) {
  const int width = run.spec.hidden_size;
  const Rows& hidden = run.scratch.hidden;
  if (run.pooling != Pooling::Mean) {
    std::copy_n(hidden[run.pooling == Pooling::First ? input.row : input.row + input.count - 1], width, vector);
    return;
  }
  std::fill_n(vector, width, 0.0f);
  for (int r = input.row; r < input.row + input.count; ++r) run.kernels.add(hidden[r], nullptr, width, vector);
  for (int i = 0; i < width; ++i) vector[i] /= static_cast<float>(input.count);
}

}  // namespace

void run_encoder(EncoderRun& run, ThreadPool::Worker& worker) {
  run_embedding(run, worker);
  for (const EncoderLayerWeights& layer : run.weights.layers) run_layer(run, worker, layer);
  worker.phase(static_cast<int>(run.plan.inputs.size()),
               [&](int input) { pool(run, run.plan.inputs[input], run.vectors + static_cast<ptrdiff_t>(input) * run.spec.hidden_size); });
}

}  // namespace semantic::cpu
