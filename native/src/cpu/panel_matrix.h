// A linear layer's weight in the one layout that every kernel reads: panels of 16 output rows, lane = row.
//   data  [experts * panels][groups] records; one record covers `group` inputs:
//         quantized: 16 scales, 16 biases (not for mxfp4), then words
//         Q4, Mxfp4  words [group / 8][16] uint32, input k in bits 4 * (k % 8)
//         Q8         words [group / 8][2][16] uint32: inputs 0, 2, 4, 6 of 8 in the bytes of the first, 1, 3, 5, 7 of the second
//         F16, BF16, F32  [group][16] values, group = in
// Rows past `out` are zero.
#pragma once
#include <cstddef>
#include <cstdint>

namespace semantic::cpu {

inline constexpr int kLanes = 16;

enum class PanelKind : uint8_t { Q4, Q8, Mxfp4, F16, BF16, F32 };
enum class ScaleKind : uint8_t { F16, BF16, F32 };

struct PanelMatrix {
  PanelKind kind = PanelKind::F32;
  ScaleKind scale_kind = ScaleKind::F32;
  int out = 0, in = 0;
  int experts = 1;
  int panels = 0;  // of one expert
  int group = 0, groups = 0;
  size_t record_bytes = 0, panel_bytes = 0;
  const unsigned char* data = nullptr;
  const float* bias = nullptr;  // [experts * panels * 16], or none

  size_t bytes() const { return panel_bytes * static_cast<size_t>(panels) * experts; }
  int expert_panel(int expert, int panel) const { return expert * panels + panel; }
};

inline int scale_bytes(ScaleKind kind) { return kind == ScaleKind::F32 ? 4 : 2; }

}  // namespace semantic::cpu
