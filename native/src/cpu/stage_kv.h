// One KV block of attention as the kernels want it: contiguous keys and values of kAttendKeys positions.
#pragma once
#include "cpu/kv.h"
#include "cpu/scratch.h"

namespace semantic::cpu {

struct StagedKv {
  const void* keys;    // [kAttendKeys / 16][head_dim][16]
  const void* values;  // [kAttendKeys][value_stride]
  bool half;           // f16, else f32
};

// Positions [first, end) of a head, end - first <= kAttendKeys and `first` a multiple of it: in place where they lie together,
// else gathered into the thread's scratch, where they stay until its next call.
StagedKv stage_kv(const CpuSequenceKv& kv, const KvShape& shape, int layer, int head, int first, int end, ThreadScratch& scratch);

}  // namespace semantic::cpu
