// What every part of a running slice sees.
#pragma once
#include <optional>

#include "cpu/kernels.h"
#include "cpu/plan.h"
#include "cpu/scratch.h"
#include "cpu/thread_pool.h"
#include "cpu/weights.h"
#include "decoder/spec.h"

namespace semantic::cpu {

struct Routing;  // run_moe.h

struct Run {
  const DecoderSpec& spec;
  const Weights& weights;
  const std::vector<KvShape>& kv;        // per layer
  const std::vector<int>& layer_plans;   // per layer: index into slice.attention
  const Kernels& kernels;
  Scratch& scratch;
  Routing& routing;
  const Slice& slice;
  int threads;
  std::optional<float> fine_above;  // of quantized rows; none: f32
};

// The whole slice, on one thread of the pool. Every thread runs it; phases share the work.
void run_slice(Run& run, ThreadPool::Worker& worker);

// Rotates q and k, normalises them where the layer says so, and appends k and v to the KV.
void run_append(Run& run, ThreadPool::Worker& worker, int layer);
// attended = what the gated delta net gives for the projections in mixed, gate, beta and decay; its state goes on.
void run_delta(Run& run, ThreadPool::Worker& worker, int layer);
// attended = attention of q over the KV.
void run_attention(Run& run, ThreadPool::Worker& worker, int layer);

}  // namespace semantic::cpu
