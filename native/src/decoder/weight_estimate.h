// What a model's weights will take, from its spec alone: the memory budget is checked before a file is opened.
#pragma once
#include <cstdint>

#include "decoder/spec.h"
#include "encoder/spec.h"

namespace semantic {

// Bytes of all linear layers when floats (dense weights, scales, biases) take `float_bytes` each.
int64_t estimate_weight_bytes(const DecoderSpec& spec, int float_bytes);
int64_t estimate_weight_bytes(const EncoderSpec& spec, int float_bytes);

}  // namespace semantic
