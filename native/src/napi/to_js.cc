#include "napi/to_js.h"

#include <algorithm>
#include <iterator>

namespace semantic {
namespace {

template <class T>
Napi::TypedArrayOf<T> typed(Napi::Env env, const std::vector<T>& values) {
  auto array = Napi::TypedArrayOf<T>::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

Napi::Number number(Napi::Env env, int64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument: return "ERR_INVALID_ARGUMENT";
    case ErrorCode::ModelFile: return "ERR_MODEL_FILE";
    case ErrorCode::OutOfMemory: return "ERR_OUT_OF_MEMORY";
    case ErrorCode::EngineClosed: return "ERR_ENGINE_CLOSED";
    case ErrorCode::KvCorrupt: return "ERR_KV_CORRUPT";
    case ErrorCode::Io: return "ERR_IO";
    case ErrorCode::Backend: break;
  }
  return "ERR_BACKEND";
}

Napi::Number micros(Napi::Env env, int64_t nanos) { return Napi::Number::New(env, static_cast<double>(nanos) / 1000); }

Napi::Object to_js(Napi::Env env, const StepProfile& profile) {
  constexpr const char* kNames[] = {"embedding", "projections", "append", "attention", "output", "gate", "down", "head", "sampling"};
  static_assert(std::size(kNames) == kStepParts);
  auto parts = Napi::Object::New(env);
  for (size_t i = 0; i < kStepParts; ++i) {
    auto part = Napi::Object::New(env);
    part.Set("micros", micros(env, profile.parts[i].nanos));
    part.Set("waitingMicros", micros(env, profile.parts[i].waiting_nanos));
    parts.Set(kNames[i], part);
  }
  auto o = Napi::Object::New(env);
  o.Set("totalMicros", micros(env, profile.total_nanos));
  o.Set("parts", parts);
  return o;
}

}  // namespace

Napi::Value to_js(Napi::Env env, const LoadedModel& loaded) {
  auto o = Napi::Object::New(env);
  o.Set("model", number(env, loaded.model));
  o.Set("weightBytes", number(env, loaded.weight_bytes));
  o.Set("kvBytesPerToken", number(env, loaded.kv_bytes_per_token));
  o.Set("kvLayout", Napi::String::New(env, loaded.kv_layout->name));
  return o;
}

Napi::Value to_js(Napi::Env env, const LoadedEncoder& loaded) {
  auto o = Napi::Object::New(env);
  o.Set("model", number(env, loaded.model));
  o.Set("weightBytes", number(env, loaded.weight_bytes));
  return o;
}

Napi::Value to_js(Napi::Env env, const EncodeResult& result) {
  auto o = Napi::Object::New(env);
  o.Set("vectors", typed(env, result.vectors));
  o.Set("encodeMicros", Napi::Number::New(env, result.encode_micros));
  return o;
}

Napi::Value to_js(Napi::Env env, const ForkedSequence& forked) {
  auto o = Napi::Object::New(env);
  o.Set("sequence", number(env, forked.sequence));
  o.Set("length", number(env, forked.length));
  return o;
}

Napi::Value to_js(Napi::Env env, const StepResult& result) {
  auto o = Napi::Object::New(env);
  o.Set("tokens", typed(env, result.tokens));
  o.Set("logprobs", typed(env, result.logprobs));
  o.Set("topTokens", typed(env, result.top_tokens));
  o.Set("topLogprobs", typed(env, result.top_logprobs));
  o.Set("topWidth", number(env, result.top_width));
  o.Set("logits", typed(env, result.logits));
  o.Set("hidden", typed(env, result.hidden));
  o.Set("stepMicros", Napi::Number::New(env, result.step_micros));
  return o;
}

Napi::Value to_js(Napi::Env env, const EngineStats& stats) {
  auto o = Napi::Object::New(env);
  o.Set("steps", number(env, stats.steps));
  o.Set("tokensPrefilled", number(env, stats.tokens_prefilled));
  o.Set("tokensDecoded", number(env, stats.tokens_decoded));
  o.Set("encodes", number(env, stats.encodes));
  o.Set("tokensEncoded", number(env, stats.tokens_encoded));
  o.Set("sequences", number(env, stats.sequences));
  o.Set("weightBytes", number(env, stats.weight_bytes));
  o.Set("loadingBytes", number(env, stats.loading_bytes));
  o.Set("loadedBytes", number(env, stats.loaded_bytes));
  o.Set("kvBytes", number(env, stats.kv_bytes));
  o.Set("kvSharedBytes", number(env, stats.kv_shared_bytes));
  o.Set("mlxActiveBytes", number(env, stats.mlx_active_bytes));
  o.Set("mlxPeakBytes", number(env, stats.mlx_peak_bytes));
  o.Set("mlxCacheBytes", number(env, stats.mlx_cache_bytes));
  o.Set("kvGrowths", number(env, stats.kv_growths));
  o.Set("kvAppends", number(env, stats.kv_appends));
  o.Set("kvCopiedBytes", number(env, stats.kv_copied_bytes));
  o.Set("kvSharedReads", number(env, stats.kv_shared_reads));
  o.Set("profile", stats.profile ? to_js(env, *stats.profile) : env.Null());
  return o;
}

Napi::Value to_js(Napi::Env env, const BackendInfo& info) {
  auto o = Napi::Object::New(env);
  o.Set("mlxVersion", Napi::String::New(env, info.mlx_version));
  o.Set("device", Napi::String::New(env, info.device));
  o.Set("instructionSet", Napi::String::New(env, info.instruction_set));
  o.Set("deviceMemoryBytes", number(env, info.device_memory_bytes));
  return o;
}

Napi::Value to_js(Napi::Env env, const std::vector<uint64_t>& values) { return typed(env, values); }

Napi::Error to_js(Napi::Env env, const Error& error) {
  auto js = Napi::Error::New(env, error.what());
  js.Set("code", Napi::String::New(env, code_name(error.code)));
  js.Set("origin", Napi::String::New(env, error.origin));
  if (error.image >= 0) js.Set("image", number(env, error.image));
  if (!error.errno_name.empty()) js.Set("errno", Napi::String::New(env, error.errno_name));
  return js;
}

}  // namespace semantic
