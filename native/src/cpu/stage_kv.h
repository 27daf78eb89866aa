// One KV block of attention as the kernels want it: contiguous keys and values of kAttendKeys positions.
#pragma once
#include "cpu/kv.h"
#include "cpu/scratch.h"

namespace semantic::cpu {

struct StagedKv {
  const void* keys;    // [kAttendKeys / 16][head_dim][16]
  const void* values;  // [kAttendKeys][value_stride]
  KvFormat format;     // F32 where the KV is quantized
};

// Positions [first, end) of a head, end - first <= kAttendKeys and `first` a multiple of it: in place where they lie together,
// else gathered, or expanded, into the thread's scratch, where they stay until its next call.
StagedKv stage_kv(const Kernels& kernels, const CpuSequenceKv& kv, const KvShape& shape, int layer, int head, int first, int end,
                  ThreadScratch& scratch);

}  // namespace semantic::cpu
