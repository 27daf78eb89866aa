#include "cpu/stage_kv.h"

namespace semantic::cpu {

StagedKv stage_kv(const CpuSequenceKv& kv, const KvShape& shape, int layer, int head, int first, int, ThreadScratch&) {
  return {kv.key_panel(layer, head, first), kv.value_row(layer, head, first), shape.element_bytes == 2};
}

}  // namespace semantic::cpu
