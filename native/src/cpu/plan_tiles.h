// Cuts the parts of a slice into tiles for attention.
#pragma once
#include "cpu/plan.h"

namespace semantic::cpu {

// Parts that begin in the same KV memory come into one tile of at most `shared_rows` query rows, so that it is read once for all of
// them; 0 = each part has tiles of its own.
void plan_tiles(const Slice& slice, AttentionPlan& plan, int shared_rows);

}  // namespace semantic::cpu
