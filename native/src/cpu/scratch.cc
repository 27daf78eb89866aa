#include "cpu/scratch.h"

#include <algorithm>

namespace semantic::cpu {
namespace {

int rounded(int n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Widest of each kind over all layers.
struct Widest {
  int q = 0, kv = 0, head = 0, gate = 0, channels = 0, value_heads = 0, feed_forward = 0, experts = 0, top_k = 1, in = 0, group = 0;

  explicit Widest(const DecoderSpec& spec) {
    for (const LayerSpec& layer : spec.layers) {
      layer.recurrence ? see(*layer.recurrence) : see(layer.attention);
      if (const auto* dense = std::get_if<DenseFeedForwardSpec>(&layer.feed_forward)) {
        feed_forward = std::max(feed_forward, dense->gate.out_features);
        for (const LinearSpec* l : {&dense->gate, &dense->up, &dense->down}) see(*l);
      } else {
        const auto& moe = std::get<MoeFeedForwardSpec>(layer.feed_forward);
        feed_forward = std::max(feed_forward, moe.gate.out_features);
        experts = std::max(experts, moe.experts);
        top_k = std::max(top_k, moe.top_k);
        for (const LinearSpec* l : {&moe.router, &moe.gate, &moe.up, &moe.down}) see(*l);
      }
    }
    see(spec.embedding);
    if (spec.head) see(*spec.head);
  }

  void see(const AttentionSpec& a) {
    q = std::max(q, a.heads * a.head_dim);
    kv = std::max(kv, a.kv_heads * a.head_dim);
    head = std::max(head, a.head_dim);
    for (const LinearSpec* l : {&a.q, &a.k, &a.v, &a.o}) see(*l);
    if (!a.gate) return;
    gate = std::max(gate, a.heads * a.head_dim);
    see(*a.gate);
  }

  void see(const GatedDeltaSpec& r) {
    q = std::max(q, r.values());
    gate = std::max(gate, r.values());
    channels = std::max(channels, r.channels());
    value_heads = std::max(value_heads, r.value_heads);
    for (const LinearSpec* l : {&r.q, &r.k, &r.v, &r.z, &r.b, &r.a, &r.o}) see(*l);
  }

  void see(const LinearSpec& l) {
    in = std::max(in, l.in_features);
    if (l.quantization) group = std::max(group, l.quantization->group_size);
  }
};

}  // namespace

ptrdiff_t row_stride(int width) { return rounded(width) + kLanes; }

PageBuffer make_thread_memory(std::vector<ThreadScratch>& threads, const ThreadSizes& of) {
  const size_t value_stride = rounded(of.head), tile = static_cast<size_t>(kLanes) * kMaxTilePanels;
  const size_t sizes[] = {std::max(kDequantInputs, of.group) * tile,
                          kLinearRows * tile,
                          kLinearRows * tile,
                          kGemvRows * static_cast<size_t>(row_stride(of.hidden)),
                          kGemvRows * static_cast<size_t>(row_stride(of.code_floats)),
                          static_cast<size_t>(kScoredRows) * kAttendKeys,
                          kMaxAttendRows,
                          kMaxAttendRows,
                          kMaxAttendRows * value_stride,
                          kMaxAttendRows,
                          kMaxAttendRows,
                          kMaxAttendRows * value_stride,
                          static_cast<size_t>(kAttendKeys) * value_stride,
                          static_cast<size_t>(kAttendKeys) * value_stride};
  size_t floats = 0;
  for (const size_t s : sizes) floats += s;
  PageBuffer memory(floats * threads.size() * sizeof(float), "cpu.load");
  auto* next = memory.as<float>();
  for (ThreadScratch& t : threads) {
    const size_t* size = sizes;
    for (float** p : {&t.dequantized, &t.acc_a, &t.acc_b, &t.normed, &t.codes.data, &t.scores, &t.block_max, &t.block_sum, &t.block_out, &t.max,
                      &t.sum, &t.out, &t.staged_keys, &t.staged_values}) {
      *p = next;
      next += *size++;
    }
    t.codes.stride = row_stride(of.code_floats);
    for (int r = 0; r < kGemvRows; ++r) t.normed_rows[r] = t.normed + r * row_stride(of.hidden);
  }
  return memory;
}

Scratch::Scratch(const DecoderSpec& spec, int thread_count, bool quantizes) : cos(spec.ropes.size()), sin(spec.ropes.size()), threads(thread_count) {
  const Widest widest(spec);
  widths_ = {{&hidden, spec.hidden_size, 1},   {&normed, spec.hidden_size, 1}, {&projected, spec.hidden_size, 1},
             {&q, widest.q, 1},                {&k, widest.kv, 1},             {&v, widest.kv, 1},
             {&attended, widest.q, 1},         {&activated, widest.feed_forward, widest.top_k}};
  if (widest.gate > 0) widths_.push_back({&gate, widest.gate, 1});
  if (widest.channels > 0) {
    for (Rows* rows : {&mixed, &convolved}) widths_.push_back({rows, widest.channels, 1});
    for (Rows* rows : {&beta, &decay}) widths_.push_back({rows, widest.value_heads, 1});
  }
  if (widest.experts > 0) {
    widths_.push_back({&routed, widest.experts, 1});
    widths_.push_back({&expert_out, spec.hidden_size, widest.top_k});
  }
  const int code_floats = quantizes ? static_cast<int>(quantized_bytes(widest.in) / sizeof(float)) : 0;
  if (quantizes) widths_.push_back({&codes, code_floats, widest.top_k});
  for (size_t i = 0; i < spec.ropes.size(); ++i) {
    widths_.push_back({&cos[i], spec.ropes[i].dims / 2, 1});
    widths_.push_back({&sin[i], spec.ropes[i].dims / 2, 1});
  }

  thread_memory_ = make_thread_memory(threads, {spec.hidden_size, widest.group, code_floats, widest.head});
}

size_t Scratch::floats_per_row() const {
  size_t floats = 0;
  for (const Width& w : widths_) floats += static_cast<size_t>(row_stride(w.width)) * w.per_row;
  return floats;
}

void Scratch::prepare(int rows) {
  if (rows <= rows_) return;
  row_memory_ = PageBuffer();  // the old one goes first
  rows_ = 0;
  row_memory_ = PageBuffer(floats_per_row() * rows * sizeof(float), "cpu.step");
  rows_ = rows;
  auto* next = row_memory_.as<float>();
  for (const Width& w : widths_) {
    const int count = rows * w.per_row;
    w.rows->data = next;
    w.rows->stride = row_stride(w.width);
    w.rows->pointers.resize(count);
    for (int r = 0; r < count; ++r) w.rows->pointers[r] = (*w.rows)[r];
    next += w.rows->stride * count;
  }
}

void Scratch::prepare_partials(size_t floats, int counters) {
  if (floats * sizeof(float) > partial_memory_.bytes()) {
    partial_memory_ = PageBuffer();
    partial_memory_ = PageBuffer(floats * sizeof(float), "cpu.step");
  }
  partials = partial_memory_.as<float>();
  if (counters > static_cast<int>(pending.size())) pending = std::vector<std::atomic<int>>(counters);
}

int64_t Scratch::bytes(int rows) const {
  const size_t floats = floats_per_row() * static_cast<size_t>(rows) + kMaxPartialFloats;
  return static_cast<int64_t>(floats * sizeof(float) + thread_memory_.bytes());
}

}  // namespace semantic::cpu
