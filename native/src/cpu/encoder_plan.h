// Which rows of an encoder's batch do what: one row per token, inputs one behind the other. Built on the engine thread, then only read.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace semantic::cpu {

inline constexpr int kEncoderTileRows = 96;  // query rows that one thread attends at a time; results do not depend on it

// Rows of one input; its keys lie in panels of 16 of their own.
struct EncoderInput {
  int row, count;
  int panel;  // of its first key, in the batch
};

// Some rows of an input: those whose keys share a panel, or those that are attended together.
struct EncoderRows {
  int input, row, count;
};

struct EncoderPlan {
  std::vector<int32_t> tokens;  // [rows]
  std::vector<int> positions;   // [rows] within the input
  std::vector<EncoderInput> inputs;
  std::vector<EncoderRows> panels, tiles;
  int key_panels = 0;  // of all inputs

  int rows() const { return static_cast<int>(tokens.size()); }
};

EncoderPlan plan_encoder(std::span<const std::span<const int32_t>> inputs);

}  // namespace semantic::cpu
