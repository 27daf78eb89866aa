// A batch of inputs through an encoder, on every thread of the pool.
#pragma once
#include <vector>

#include "cpu/encoder_plan.h"
#include "cpu/encoder_weights.h"
#include "cpu/kernels.h"
#include "cpu/page_buffer.h"
#include "cpu/scratch.h"
#include "cpu/thread_pool.h"
#include "encoder.h"

namespace semantic::cpu {

// Memory that batches work in; grows to the largest seen and is kept.
class EncoderScratch {
 public:
  EncoderScratch(const EncoderSpec& spec, int threads);

  // Makes room. Throws Error(OutOfMemory, "cpu.encode").
  void prepare(int rows, int key_panels);
  int64_t bytes(int64_t rows, int64_t key_panels) const;  // what prepare() needs

  Rows hidden, q, k, v, attended;  // [rows][hidden]
  Rows activated;                  // [rows][width]
  int value_stride;                // head_dim rounded up to 16
  std::vector<ThreadScratch> threads;

  float* keys(int head, int panel) const { return keys_ + (static_cast<ptrdiff_t>(head) * key_panels_ + panel) * head_dim_ * kLanes; }
  float* values(int head, int panel) const { return values_ + (static_cast<ptrdiff_t>(head) * key_panels_ + panel) * value_stride * kLanes; }

 private:
  struct Width {
    Rows* rows;
    int width;
  };

  int heads_, head_dim_;
  std::vector<Width> widths_;
  PageBuffer row_memory_, kv_memory_, thread_memory_;
  int rows_ = 0, key_panels_ = 0;
  float *keys_ = nullptr, *values_ = nullptr;  // [heads][key_panels][head_dim][16], [heads][key_panels * 16][value_stride]
};

struct EncoderRun {
  const EncoderSpec& spec;
  const EncoderWeights& weights;
  const Kernels& kernels;
  EncoderScratch& scratch;
  const EncoderPlan& plan;
  int threads;
  Pooling pooling;
  float* vectors;  // [inputs][hidden]
};

// All of it, on one thread of the pool. Every thread runs it; phases share the work.
void run_encoder(EncoderRun& run, ThreadPool::Worker& worker);

// attended = attention of q over all keys of the same input.
void run_encoder_attention(EncoderRun& run, ThreadPool::Worker& worker);

}  // namespace semantic::cpu
