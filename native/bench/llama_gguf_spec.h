// The DecoderSpec of SmolLM2-135M in its GGUF file. Only for programs that run without TypeScript, which writes specs otherwise.
#pragma once
#include "decoder/spec.h"

namespace semantic {

DecoderSpec smollm2_135m_gguf_spec();

}  // namespace semantic
