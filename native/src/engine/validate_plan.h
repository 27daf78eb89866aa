// Refuses a plan before anything is touched: Error(InvalidArgument) saying which entry, what was wanted, what was got.
#pragma once
#include <unordered_map>

#include "engine/sequence.h"
#include "engine/step_plan.h"

namespace semantic {

// Returns the model all sequences of the plan belong to.
int validate_plan(const StepPlan& plan, const std::unordered_map<int, Sequence>& sequences,
                  const std::unordered_map<int, Model>& models);

// Tokens of the bias list must be in the vocabulary.
void validate_sampling(const SamplingOptions& options, const Model& model);

}  // namespace semantic
