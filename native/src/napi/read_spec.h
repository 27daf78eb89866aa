// DecoderSpec and EncoderSpec from the JavaScript objects of src/core/domain/.
#pragma once
#include "decoder/spec.h"
#include "encoder/spec.h"
#include "napi/object_reader.h"

namespace semantic {

// Throws Error(InvalidArgument) naming the field that is missing, of another type or inconsistent.
DecoderSpec read_spec(const ObjectReader& object);
EncoderSpec read_encoder_spec(const ObjectReader& object);

TensorRef read_ref(const ObjectReader& object);
// A linear layer whose sizes the rest of the spec dictates.
LinearSpec read_linear(const ObjectReader& object, const char* key, int in, int out);

}  // namespace semantic
