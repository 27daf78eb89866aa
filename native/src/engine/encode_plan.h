// A batch of inputs for an encoder and what comes back: EncodePlan and EncodeResult of native/index.d.ts.
#pragma once
#include <cstdint>
#include <vector>

#include "encoder.h"

namespace semantic {

struct EncodePlan {
  int model;
  std::vector<int32_t> counts;  // [n]
  std::vector<int32_t> tokens;  // [sum(counts)]
  Pooling pooling;
};

struct EncodeResult {
  std::vector<float> vectors;  // [n, hidden]
  double encode_micros = 0;
};

struct EncoderModel;
// Throws Error(InvalidArgument) unless the model can encode it.
void validate_encode(const EncodePlan& plan, const EncoderModel& model);

}  // namespace semantic
