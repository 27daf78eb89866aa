// Visits every tensor an encoder's spec names, once per use.
#pragma once
#include <functional>

#include "encoder/spec.h"

namespace semantic {

void for_each_tensor(const EncoderSpec& spec, const std::function<void(const TensorRef&)>& visit);
void for_each_linear(const EncoderSpec& spec, const std::function<void(const LinearSpec&, int experts)>& visit);

}  // namespace semantic
