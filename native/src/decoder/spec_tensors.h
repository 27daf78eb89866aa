// Visits every tensor a spec names, once per use (an expert tensor that two linears slice is visited twice).
#pragma once
#include <functional>

#include "decoder/spec.h"

namespace semantic {

void for_each_tensor(const DecoderSpec& spec, const std::function<void(const TensorRef&)>& visit);

// Visits every linear layer; `experts` is 1 for dense ones.
void for_each_linear(const DecoderSpec& spec, const std::function<void(const LinearSpec&, int experts)>& visit);

// The tensors of one linear layer.
void visit_linear(const LinearSpec& linear, const std::function<void(const TensorRef&)>& visit);

}  // namespace semantic
