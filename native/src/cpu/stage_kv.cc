#include "cpu/stage_kv.h"

#include <algorithm>
#include <cstring>

namespace semantic::cpu {
namespace {

// Copies `tokens` tokens that lie together to position `at` of the scratch, or expands them there.
void stage_part(const Kernels& kernels, const KvShape& s, const void* keys, const void* values, int at, int tokens, ThreadScratch& scratch) {
  const int panels = (tokens + kLanes - 1) / kLanes;
  if (is_quantized(s.format)) {
    kernels.expand_keys(keys, panels, s.head_dim, s.format, scratch.staged_keys + static_cast<ptrdiff_t>(at) * s.head_dim);
    kernels.expand_values(values, tokens, s.head_dim, s.format, scratch.staged_values + static_cast<ptrdiff_t>(at) * s.value_stride,
                          s.value_stride);
    return;
  }
  std::memcpy(reinterpret_cast<char*>(scratch.staged_keys) + s.key_bytes(at), keys, s.key_bytes(panels * kLanes));
  std::memcpy(reinterpret_cast<char*>(scratch.staged_values) + s.value_bytes(at), values, s.value_bytes(tokens));
}

}  // namespace

StagedKv stage_kv(const Kernels& kernels, const CpuSequenceKv& kv, const KvShape& shape, int layer, int head, int first, int end,
                  ThreadScratch& scratch) {
  if (!is_quantized(shape.format) && kv.together_until(layer, first) >= end) {
    return {kv.key_panel(layer, head, first), kv.value_row(layer, head, first), shape.format};
  }
  for (int at = first; at < end;) {
    const int next = std::min(kv.together_until(layer, at), end);
    stage_part(kernels, shape, kv.key_panel(layer, head, at), kv.value_row(layer, head, at), at - first, next - at, scratch);
    at = next;
  }
  return {scratch.staged_keys, scratch.staged_values, is_quantized(shape.format) ? KvFormat::F32 : shape.format};
}

}  // namespace semantic::cpu
