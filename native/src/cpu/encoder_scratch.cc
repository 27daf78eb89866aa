#include <algorithm>

#include "cpu/run_encoder.h"

namespace semantic::cpu {
namespace {

int largest_group(const EncoderSpec& spec) {
  int group = 0;
  const auto see = [&](const LinearSpec& linear) {
    if (linear.quantization) group = std::max(group, linear.quantization->group_size);
  };
  for (const EncoderLayerSpec& layer : spec.layers) {
    for (const LinearSpec* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.up, &layer.down}) see(*linear);
  }
  return group;
}

}  // namespace

EncoderScratch::EncoderScratch(const EncoderSpec& spec, int thread_count)
    : value_stride((spec.head_dim + kLanes - 1) / kLanes * kLanes), threads(thread_count), heads_(spec.heads), head_dim_(spec.head_dim) {
  for (Rows* rows : {&hidden, &q, &k, &v, &attended}) widths_.push_back({rows, spec.hidden_size});
  widths_.push_back({&activated, spec.width});
  thread_memory_ = make_thread_memory(threads, {spec.hidden_size, largest_group(spec), 0, spec.head_dim});
}

void EncoderScratch::prepare(int rows, int key_panels) {
  if (rows > rows_) {
    row_memory_ = PageBuffer();  // the old one goes first
    rows_ = 0;
    size_t floats = 0;
    for (const Width& w : widths_) floats += static_cast<size_t>(row_stride(w.width)) * rows;
    row_memory_ = PageBuffer(floats * sizeof(float), "cpu.encode");
    rows_ = rows;
    auto* next = row_memory_.as<float>();
    for (const Width& w : widths_) {
      w.rows->data = next;
      w.rows->stride = row_stride(w.width);
      w.rows->pointers.resize(rows);
      for (int r = 0; r < rows; ++r) w.rows->pointers[r] = (*w.rows)[r];
      next += w.rows->stride * rows;
    }
  }
  if (key_panels <= key_panels_) return;
  kv_memory_ = PageBuffer();
  key_panels_ = 0;
  const size_t panels = static_cast<size_t>(heads_) * key_panels * kLanes;
  kv_memory_ = PageBuffer(panels * (head_dim_ + value_stride) * sizeof(float), "cpu.encode");
  key_panels_ = key_panels;
  keys_ = kv_memory_.as<float>();
  values_ = keys_ + panels * head_dim_;
}

int64_t EncoderScratch::bytes(int64_t rows, int64_t key_panels) const {
  int64_t floats = int64_t{heads_} * key_panels * kLanes * (head_dim_ + value_stride);
  for (const Width& w : widths_) floats += row_stride(w.width) * rows;
  return floats * static_cast<int64_t>(sizeof(float));
}

}  // namespace semantic::cpu
