// DecoderSpec from the JavaScript object of src/core/domain/decoder-spec.ts.
#pragma once
#include "decoder/spec.h"
#include "napi/object_reader.h"

namespace semantic {

// Throws Error(InvalidArgument) naming the field that is missing, of another type or inconsistent.
DecoderSpec read_spec(const ObjectReader& object);

}  // namespace semantic
