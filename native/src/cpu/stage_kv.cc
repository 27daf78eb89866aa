#include "cpu/stage_kv.h"

#include <algorithm>
#include <cstring>

namespace semantic::cpu {

StagedKv stage_kv(const CpuSequenceKv& kv, const KvShape& shape, int layer, int head, int first, int end, ThreadScratch& scratch) {
  const bool half = shape.element_bytes == 2;
  if (kv.together_until(layer, first) >= end) return {kv.key_panel(layer, head, first), kv.value_row(layer, head, first), half};
  auto *keys = reinterpret_cast<char*>(scratch.staged_keys), *values = reinterpret_cast<char*>(scratch.staged_values);
  for (int at = first; at < end;) {
    const int next = std::min(kv.together_until(layer, at), end), panels = (next - at + kLanes - 1) / kLanes;
    std::memcpy(keys + shape.key_bytes(at - first), kv.key_panel(layer, head, at), shape.key_bytes(panels * kLanes));
    std::memcpy(values + shape.value_bytes(at - first), kv.value_row(layer, head, at), shape.value_bytes(next - at));
    at = next;
  }
  return {keys, values, half};
}

}  // namespace semantic::cpu
