// class Engine of native/index.d.ts: commands go to the engine thread, results come back through one thread-safe
// function that keeps the event loop alive only while a promise is pending.
//
// While promises are pending the object keeps itself alive, so a collected Engine is an idle one. When the environment
// ends first (process.exit, a terminated worker), a clean-up hook ends the thread after the command in progress.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>

#include "engine/command_thread.h"

namespace semantic {

class EngineWrap final : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineWrap(const Napi::CallbackInfo& call);
  ~EngineWrap() override;

 private:
  // Settles one promise, on the JavaScript thread.
  using Settlement = std::function<void(Napi::Env)>;
  using Deferred = std::shared_ptr<Napi::Promise::Deferred>;

  Napi::Value info(const Napi::CallbackInfo& call);
  Napi::Value stats(const Napi::CallbackInfo& call);
  Napi::Value load_model(const Napi::CallbackInfo& call);
  Napi::Value load_encoder(const Napi::CallbackInfo& call);
  Napi::Value encode(const Napi::CallbackInfo& call);
  Napi::Value unload_model(const Napi::CallbackInfo& call);
  Napi::Value create_sequence(const Napi::CallbackInfo& call);
  Napi::Value fork_sequence(const Napi::CallbackInfo& call);
  Napi::Value set_sampling(const Napi::CallbackInfo& call);
  Napi::Value truncate_sequence(const Napi::CallbackInfo& call);
  Napi::Value drop_sequence(const Napi::CallbackInfo& call);
  Napi::Value kv_image_bytes(const Napi::CallbackInfo& call);
  Napi::Value save_kv(const Napi::CallbackInfo& call);
  Napi::Value load_kv(const Napi::CallbackInfo& call);
  Napi::Value checksum_file(const Napi::CallbackInfo& call);
  Napi::Value step(const Napi::CallbackInfo& call);
  Napi::Value step_ahead(const Napi::CallbackInfo& call);
  void withdraw_ahead(const Napi::CallbackInfo& call);
  Napi::Value close(const Napi::CallbackInfo& call);

  // `prepare` reads the arguments here and now and returns the work for the engine thread, which returns how to turn
  // its result into a value. Errors of either reject the promise.
  template <class Prepare>
  Napi::Value command(const Napi::CallbackInfo& call, const char* origin, Prepare prepare);
  // As command(), for work that ends later: it gets a Settle<Value>, whose value `to_value` turns into JavaScript's.
  template <class Value, class ToValue, class Prepare>
  Napi::Value long_command(const Napi::CallbackInfo& call, const char* origin, ToValue to_value, Prepare prepare);
  Napi::Value post(const Napi::CallbackInfo& call, const char* origin, const std::function<CommandThread::Command(const Deferred&)>& make);
  Delivery reject(const Deferred& deferred, const Error& failure);
  template <class ToValue>
  static void resolve(Napi::Env env, const Deferred& deferred, const ToValue& to_value);
  void deliver(Settlement settle);  // from the engine thread
  void begin_pending(Napi::Env env);
  void end_pending(Napi::Env env);
  void shut_down();
  static void settle_on_js_thread(Napi::Env env, Napi::Function, EngineWrap* wrap, Settlement* settle);
  static void on_environment_end(void* wrap) { static_cast<EngineWrap*>(wrap)->shut_down(); }

  using Channel = Napi::TypedThreadSafeFunction<EngineWrap, Settlement, &EngineWrap::settle_on_js_thread>;

  napi_env env_;
  std::unique_ptr<CommandThread> thread_;  // null once the environment ended
  Channel channel_;
  std::unordered_map<int, std::shared_ptr<const KvLayout>> layouts_;  // of the models that are loaded
  uint64_t asked_ahead_ = 0;                   // steps ahead, on the JavaScript thread
  std::atomic<uint64_t> withdrawn_ahead_ = 0;  // the first so many of them
  int pending_ = 0;
  bool closed_ = false;
  std::vector<Deferred> closers_;  // close() promises waiting for the thread's end
};

}  // namespace semantic
