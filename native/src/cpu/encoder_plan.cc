#include "cpu/encoder_plan.h"

#include <algorithm>

#include "cpu/panel_matrix.h"

namespace semantic::cpu {
namespace {

void cut(int input, const EncoderInput& of, int most, std::vector<EncoderRows>& into) {
  for (int done = 0; done < of.count; done += most) into.push_back({input, of.row + done, std::min(most, of.count - done)});
}

}  // namespace

EncoderPlan plan_encoder(std::span<const std::span<const int32_t>> inputs) {
  EncoderPlan plan;
  for (const std::span<const int32_t> tokens : inputs) {
    const int input = static_cast<int>(plan.inputs.size());
    plan.inputs.push_back({plan.rows(), static_cast<int>(tokens.size()), plan.key_panels});
    const EncoderInput& added = plan.inputs.back();
    plan.tokens.insert(plan.tokens.end(), tokens.begin(), tokens.end());
    for (int i = 0; i < added.count; ++i) plan.positions.push_back(i);
    cut(input, added, kLanes, plan.panels);
    cut(input, added, kEncoderTileRows, plan.tiles);
    plan.key_panels += (added.count + kLanes - 1) / kLanes;
  }
  return plan;
}

}  // namespace semantic::cpu
