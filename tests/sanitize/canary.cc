// One bug of each kind, for sanitize.test.ts to see found. Never shipped: only built with SEMANTIC_SANITIZE.
#include <node_api.h>

#include <cstdint>
#include <cstdlib>

namespace {

// As a compiler cannot see them through.
volatile int count = 8;
volatile int beyond = 8;
volatile std::int32_t largest = INT32_MAX;

napi_value overflow(napi_env, napi_callback_info) {
  volatile int* values = new int[count]();
  values[beyond] = 1;
  delete[] values;
  return nullptr;
}

napi_value stale(napi_env, napi_callback_info) {
  volatile int* values = new int[count]();
  delete[] values;
  largest = values[beyond - 1];
  return nullptr;
}

napi_value signed_overflow(napi_env, napi_callback_info) {
  const std::int32_t value = largest;
  largest = value + 1;
  return nullptr;
}

napi_value misaligned(napi_env, napi_callback_info) {
  alignas(8) char bytes[16] = {};
  largest = *reinterpret_cast<std::int32_t*>(bytes + (beyond - 7));
  return nullptr;
}

void* volatile lost = nullptr;

napi_value leak(napi_env, napi_callback_info) {
  lost = std::malloc(4096);
  lost = nullptr;
  return nullptr;
}

napi_value initialize(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"overflow", nullptr, overflow, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"stale", nullptr, stale, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"signedOverflow", nullptr, signed_overflow, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"misaligned", nullptr, misaligned, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"leak", nullptr, leak, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}

}  // namespace

NAPI_MODULE(canary, initialize)
