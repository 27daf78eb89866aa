// The option objects of native/index.d.ts, checked: ranges, types, lengths.
#pragma once
#include "engine/engine.h"
#include "napi/object_reader.h"

namespace semantic {

EngineOptions read_engine_options(const Napi::Value& value);
LoadOptions read_load_options(const Napi::Value& value);
EncoderLoadOptions read_encoder_load_options(const Napi::Value& value);
EncodePlan read_encode_plan(const Napi::Value& value);
SamplingOptions read_sampling(const Napi::Value& value);
StepPlan read_plan(const Napi::Value& value);
std::vector<KvImage> read_kv_images(const Napi::Value& value);
std::vector<SavedKvImage> read_saved_kv_images(const Napi::Value& value);

}  // namespace semantic
