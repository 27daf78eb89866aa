#include <algorithm>
#include <cmath>

#include "cpu/run.h"
#include "cpu/run_linear.h"
#include "cpu/run_moe.h"

namespace semantic::cpu {
namespace {

constexpr int kRowsPerChunk = 8;

template <class Body>
void each_row(ThreadPool::Worker& worker, int rows, Body&& body) {
  worker.phase((rows + kRowsPerChunk - 1) / kRowsPerChunk, [&](int chunk) {
    for (int r = chunk * kRowsPerChunk; r < std::min(rows, (chunk + 1) * kRowsPerChunk); ++r) body(r);
  });
}

// The tasks read the rows of x, normed where there is a norm, and quantized where a task wants codes. With few rows each thread
// makes those for itself, once it has work: cheaper than a phase.
void run_tasks(Run& run, ThreadPool::Worker& worker, const Norm* norm, std::span<const float* const> x, std::span<LinearTask> tasks) {
  const int rows = static_cast<int>(x.size()), width = tasks[0].matrix->in;
  const bool coded = std::any_of(tasks.begin(), tasks.end(), [](const LinearTask& t) { return t.wants_codes(); });
  ThreadScratch& mine = run.scratch.threads[worker.index()];
  const bool few = rows <= kGemvRows;
  const Rows& codes = few ? mine.codes : run.scratch.codes;
  const float* const* inputs = norm == nullptr ? x.data() : few ? mine.normed_rows : run.scratch.normed.pointers.data();
  const auto prepare = [&](int r) {
    if (norm != nullptr) run.kernels.rms_norm(x[r], norm->weight.data(), width, norm->eps, const_cast<float*>(inputs[r]));
    if (coded) run.kernels.dots.quantize(inputs[r], width, *run.fine_above, codes.bytes_of(r));
  };
  for (LinearTask& t : tasks) {
    t.x = inputs;
    t.codes = codes.bytes_of(0);
    t.code_stride = codes.stride * static_cast<ptrdiff_t>(sizeof(float));
  }
  bool prepared = norm == nullptr && !coded;
  if (!few && !prepared) {
    each_row(worker, rows, prepare);
    prepared = true;
  }
  worker.phase(plan_linear(tasks, run.threads), [&](int chunk) {
    if (!prepared) {
      for (int r = 0; r < rows; ++r) prepare(r);
      prepared = true;
    }
    run_linear_chunk(tasks, chunk, run.kernels, mine);
  });
}

LinearTask task(const Run& run, const Linear& w, int rows, Rows& y, Finish finish = Finish::Store) {
  return {.matrix = &w.matrix, .finish = finish, .fine_above = run.fine_above, .rows = rows, .y = y.data, .y_stride = y.stride};
}

std::span<const float* const> first_rows(const Rows& x, int rows) { return {x.pointers.data(), static_cast<size_t>(rows)}; }

void run_embedding(Run& run, ThreadPool::Worker& worker) {
  Scratch& s = run.scratch;
  worker.begin(StepPart::Embedding);
  each_row(worker, run.slice.rows(), [&](int r) {
    run.kernels.embed(run.weights.embedding.matrix, run.slice.tokens[r], run.spec.embedding_scale, s.hidden[r]);
    for (size_t i = 0; i < run.spec.ropes.size(); ++i) {
      const RopeSpec& rope = run.spec.ropes[i];
      for (int j = 0; j < rope.dims / 2; ++j) {
        const double angle = run.slice.positions[r] * rope.inverse_frequencies[j];
        s.cos[i][r][j] = static_cast<float>(std::cos(angle)) * rope.attention_factor;
        s.sin[i][r][j] = static_cast<float>(std::sin(angle)) * rope.attention_factor;
      }
    }
  });
}

// hidden += norm(projected), where a norm follows a block; else the block has added itself.
void run_post_norm(Run& run, ThreadPool::Worker& worker, const std::optional<Norm>& norm) {
  if (!norm) return;
  Scratch& s = run.scratch;
  const int width = run.spec.hidden_size;
  each_row(worker, run.slice.rows(), [&](int r) {
    run.kernels.rms_norm(s.projected[r], norm->weight.data(), width, norm->eps, s.projected[r]);
    run.kernels.add(s.projected[r], nullptr, width, s.hidden[r]);
  });
}

void run_feed_forward(Run& run, ThreadPool::Worker& worker, int layer) {
  Scratch& s = run.scratch;
  const LayerWeights& w = run.weights.layers[layer];
  const int rows = run.slice.rows();
  const Finish finish = w.post_feed_forward_norm ? Finish::Store : Finish::Add;
  Rows& target = w.post_feed_forward_norm ? s.projected : s.hidden;
  worker.begin(StepPart::Gate);
  if (w.feed_forward.router) {
    each_row(worker, rows, [&](int r) {
      run.kernels.rms_norm(s.hidden[r], w.feed_forward_norm.weight.data(), run.spec.hidden_size, w.feed_forward_norm.eps, s.normed[r]);
    });
    run_moe(run, worker, layer, finish, target);
  } else {
    LinearTask gate = task(run, w.feed_forward.gate, rows, s.activated, Finish::Gate);
    gate.second = &w.feed_forward.up.matrix;
    gate.activation = std::get<DenseFeedForwardSpec>(run.spec.layers[layer].feed_forward).activation;
    run_tasks(run, worker, &w.feed_forward_norm, first_rows(s.hidden, rows), {&gate, 1});
    LinearTask down = task(run, w.feed_forward.down, rows, target, finish);
    worker.begin(StepPart::Down);
    run_tasks(run, worker, nullptr, first_rows(s.activated, rows), {&down, 1});
  }
  run_post_norm(run, worker, w.post_feed_forward_norm);
}

// attended = the layer's attention over what it reads of hidden.
void run_attending(Run& run, ThreadPool::Worker& worker, int layer) {
  Scratch& s = run.scratch;
  const LayerWeights& w = run.weights.layers[layer];
  const int rows = run.slice.rows();
  LinearTask projections[] = {task(run, w.attention.q, rows, s.q), task(run, w.attention.k, rows, s.k), task(run, w.attention.v, rows, s.v), {}};
  if (w.attention.gate) projections[3] = task(run, *w.attention.gate, rows, s.gate);
  worker.begin(StepPart::Projections);
  run_tasks(run, worker, &w.input_norm, first_rows(s.hidden, rows), std::span(projections, w.attention.gate ? 4 : 3));
  worker.begin(StepPart::Append);
  run_append(run, worker, layer);
  worker.begin(StepPart::Attention);
  run_attention(run, worker, layer);
  if (!w.attention.gate) return;
  each_row(worker, rows, [&](int r) { run.kernels.gate(s.attended[r], s.gate[r], w.attention.o.in(), s.attended[r]); });
}

// attended = what the layer's recurrence gives for what it reads of hidden.
void run_recurring(Run& run, ThreadPool::Worker& worker, int layer) {
  Scratch& s = run.scratch;
  const LayerWeights& w = run.weights.layers[layer];
  const DeltaWeights& d = *w.recurrence;
  const int rows = run.slice.rows();
  LinearTask projections[] = {task(run, d.q, rows, s.mixed), task(run, d.k, rows, s.mixed), task(run, d.v, rows, s.mixed),
                              task(run, d.z, rows, s.gate),  task(run, d.b, rows, s.beta),  task(run, d.a, rows, s.decay)};
  projections[1].y += d.q.out();
  projections[2].y += d.q.out() + d.k.out();
  for (LinearTask* small : {&projections[4], &projections[5]}) small->fine_above.reset();  // as a router: what they decide lasts
  worker.begin(StepPart::Projections);
  run_tasks(run, worker, &w.input_norm, first_rows(s.hidden, rows), projections);
  worker.begin(StepPart::Attention);
  run_delta(run, worker, layer);
}

void run_layer(Run& run, ThreadPool::Worker& worker, int layer) {
  Scratch& s = run.scratch;
  const LayerWeights& w = run.weights.layers[layer];
  const int rows = run.slice.rows();
  w.recurrence ? run_recurring(run, worker, layer) : run_attending(run, worker, layer);
  worker.begin(StepPart::Output);
  const bool post = w.post_attention_norm.has_value();
  const Linear& o = w.recurrence ? w.recurrence->o : w.attention.o;
  LinearTask out = task(run, o, rows, post ? s.projected : s.hidden, post ? Finish::Store : Finish::Add);
  run_tasks(run, worker, nullptr, first_rows(s.attended, rows), {&out, 1});
  run_post_norm(run, worker, w.post_attention_norm);
  run_feed_forward(run, worker, layer);
}

void run_hidden(Run& run, ThreadPool::Worker& worker) {
  const std::vector<int>& wanted = run.slice.hidden_rows;
  if (wanted.empty()) return;
  const int width = run.spec.hidden_size;
  worker.begin(StepPart::Head);
  each_row(worker, static_cast<int>(wanted.size()), [&](int i) {
    const Norm& norm = run.weights.final_norm;
    run.kernels.rms_norm(run.scratch.hidden[wanted[i]], norm.weight.data(), width, norm.eps, run.slice.hidden + static_cast<ptrdiff_t>(i) * width);
  });
}

void run_head(Run& run, ThreadPool::Worker& worker) {
  const std::vector<int>& wanted = run.slice.logit_rows;
  if (wanted.empty()) return;
  std::vector<const float*> rows(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) rows[i] = run.scratch.hidden[wanted[i]];
  LinearTask head{.matrix = &run.weights.output().matrix,
                  .fine_above = run.fine_above,
                  .rows = static_cast<int>(wanted.size()),
                  .y = run.slice.logits,
                  .y_stride = run.spec.vocab_size,
                  .softcap = run.spec.logit_softcap.value_or(0)};
  worker.begin(StepPart::Head);
  run_tasks(run, worker, &run.weights.final_norm, rows, {&head, 1});
}

}  // namespace

void run_slice(Run& run, ThreadPool::Worker& worker) {
  run_embedding(run, worker);
  for (int layer = 0; layer < static_cast<int>(run.spec.layers.size()); ++layer) run_layer(run, worker, layer);
  run_hidden(run, worker);
  run_head(run, worker);
}

}  // namespace semantic::cpu
