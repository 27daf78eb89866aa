// Results and errors as JavaScript values.
#pragma once
#include <napi.h>

#include "engine/engine.h"
#include "error.h"

namespace semantic {

Napi::Value to_js(Napi::Env env, const LoadedModel& loaded);
Napi::Value to_js(Napi::Env env, const LoadedEncoder& loaded);
Napi::Value to_js(Napi::Env env, const EncodeResult& result);
Napi::Value to_js(Napi::Env env, const ForkedSequence& forked);
Napi::Value to_js(Napi::Env env, const StepResult& result);
Napi::Value to_js(Napi::Env env, const EngineStats& stats);
Napi::Value to_js(Napi::Env env, const BackendInfo& info);
Napi::Value to_js(Napi::Env env, const std::vector<uint64_t>& values);  // a BigUint64Array
// A NativeError: an Error with `code`, `origin`, and `image` or `errno` where there is one.
Napi::Error to_js(Napi::Env env, const Error& error);

}  // namespace semantic
