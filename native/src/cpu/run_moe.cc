#include "cpu/run_moe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace semantic::cpu {
namespace {

// The top_k largest logits (ties: the lower expert) and a softmax over those, or their part of one over all.
void choose_experts(const float* logits, const MoeFeedForwardSpec& spec, int* chosen, float* weights) {
  const int experts = spec.experts, top_k = spec.top_k;
  std::vector<int> order(experts);
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + top_k, order.end(),
                    [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  float sum = 0;
  for (int i = 0; i < top_k; ++i) {
    chosen[i] = order[i];
    weights[i] = std::exp(logits[order[i]] - logits[order[0]]);
    sum += weights[i];
  }
  if (spec.softmax_over_all) {
    sum = 0;
    for (int e = 0; e < experts; ++e) sum += std::exp(logits[e] - logits[order[0]]);
  }
  for (int i = 0; i < top_k; ++i) weights[i] /= sum;
}

void route(Run& run, const MoeFeedForwardSpec& spec, const FeedForwardWeights& w) {
  Routing& routing = run.routing;
  Scratch& s = run.scratch;
  const int rows = run.slice.rows(), top_k = spec.top_k;
  std::vector<int> chosen(static_cast<size_t>(rows) * top_k);
  routing.weights.resize(chosen.size());
  routing.slots.resize(chosen.size());
  routing.inputs.resize(chosen.size());
  for (int r = 0; r < rows; ++r) choose_experts(s.routed[r], spec, &chosen[r * top_k], &routing.weights[r * top_k]);

  routing.gate.clear();
  routing.down.clear();
  int slot = 0;
  for (int e = 0; e < spec.experts; ++e) {
    const int first = slot;
    for (int i = 0; i < rows * top_k; ++i) {
      if (chosen[i] != e) continue;
      routing.slots[i] = slot;
      routing.inputs[slot++] = s.normed[i / top_k];
    }
    if (slot == first) continue;
    const auto code_stride = s.codes.stride * static_cast<ptrdiff_t>(sizeof(float));
    routing.gate.push_back({.matrix = &w.gate.matrix, .second = &w.up.matrix, .expert = e, .finish = Finish::Gate,
                            .x = &routing.inputs[first], .fine_above = run.fine_above, .codes = s.codes.bytes_of(first),
                            .code_stride = code_stride, .rows = slot - first, .y = s.activated[first],
                            .y_stride = s.activated.stride, .activation = spec.activation});
    routing.down.push_back({.matrix = &w.down.matrix, .expert = e, .x = &s.activated.pointers[first],
                            .fine_above = run.fine_above, .codes = s.codes.bytes_of(first), .code_stride = code_stride,
                            .rows = slot - first, .y = s.expert_out[first], .y_stride = s.expert_out.stride});
  }
  routing.gate_chunks = plan_linear(routing.gate, run.threads);
  routing.down_chunks = plan_linear(routing.down, run.threads);
}

}  // namespace

void run_moe(Run& run, ThreadPool::Worker& worker, int layer, Finish finish, Rows& target) {
  const auto& spec = std::get<MoeFeedForwardSpec>(run.spec.layers[layer].feed_forward);
  const FeedForwardWeights& w = run.weights.layers[layer].feed_forward;
  Routing& routing = run.routing;
  Scratch& s = run.scratch;
  ThreadScratch& mine = s.threads[worker.index()];
  const int rows = run.slice.rows(), width = run.spec.hidden_size;

  // The router stays exact: the wrong expert costs more than all the rounding here.
  LinearTask router{.matrix = &w.router->matrix, .x = s.normed.pointers.data(), .rows = rows, .y = s.routed.data, .y_stride = s.routed.stride};
  const std::span<LinearTask> router_tasks(&router, 1);
  worker.phase(plan_linear(router_tasks, run.threads),
               [&](int chunk) { run_linear_chunk(router_tasks, chunk, run.kernels, mine); });
  worker.phase(1, [&](int) { route(run, spec, w); });
  const auto quantize_slots = [&](int width, const auto& input) {
    worker.phase(rows * spec.top_k, [&](int slot) { run.kernels.dots.quantize(input(slot), width, *run.fine_above, s.codes.bytes_of(slot)); });
  };
  if (run.fine_above && (has_codes(w.gate.matrix) || has_codes(w.up.matrix))) {
    quantize_slots(width, [&](int slot) { return routing.inputs[slot]; });
  }
  worker.phase(routing.gate_chunks, [&](int chunk) { run_linear_chunk(routing.gate, chunk, run.kernels, mine); });
  if (run.fine_above && has_codes(w.down.matrix)) {
    quantize_slots(w.down.in(), [&](int slot) { return s.activated[slot]; });
  }
  worker.phase(routing.down_chunks, [&](int chunk) { run_linear_chunk(routing.down, chunk, run.kernels, mine); });
  worker.phase(rows, [&](int row) {
    float* sum = s.normed[row];  // no longer needed
    std::fill_n(sum, width, 0.0f);
    for (int i = row * spec.top_k; i < (row + 1) * spec.top_k; ++i) {
      run.kernels.add_scaled(s.expert_out[routing.slots[i]], routing.weights[i], width, sum);
    }
    finish == Finish::Add ? run.kernels.add(sum, nullptr, width, target[row]) : run.kernels.store(sum, nullptr, width, target[row]);
  });
}

}  // namespace semantic::cpu
