#include <napi.h>

#include "napi/engine_wrap.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("Engine", semantic::EngineWrap::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(semantic, initialize)
