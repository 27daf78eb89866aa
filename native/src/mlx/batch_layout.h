// How a ragged batch lies in the rows [N, hidden] of a step: decoding entries (one token) first, so that they are one
// slice and share one RoPE call, then the chunks, each a slice of its own.
#pragma once
#include <span>
#include <vector>

#include "executor.h"

namespace semantic {

struct LayoutEntry {
  int batch_index;  // into the caller's batch
  int row;          // first row
  int tokens;
  int position;     // of the first token in its sequence
};

struct BatchLayout {
  std::vector<LayoutEntry> entries;
  int singles = 0;                  // entries [0, singles) have one token each, in rows [0, singles)
  std::vector<int32_t> tokens;      // [N], by row
  std::vector<int32_t> positions;   // [singles]
  std::vector<int32_t> logit_rows;  // rows whose logits are wanted, in the caller's order
  std::vector<int32_t> hidden_rows; // rows whose final hidden state is wanted, likewise
};

BatchLayout lay_out(std::span<const BatchEntry> batch, bool all_logits);

}  // namespace semantic
