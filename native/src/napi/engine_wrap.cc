#include "napi/engine_wrap.h"

#include "engine/translate_error.h"
#include "napi/object_reader.h"
#include "napi/read_options.h"
#include "napi/to_js.h"

namespace semantic {
namespace {

Napi::Value nothing(Napi::Env env, Done) { return env.Undefined(); }

}  // namespace

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod("info", &EngineWrap::info),
                      InstanceMethod("stats", &EngineWrap::stats),
                      InstanceMethod("loadModel", &EngineWrap::load_model),
                      InstanceMethod("loadEncoder", &EngineWrap::load_encoder),
                      InstanceMethod("encode", &EngineWrap::encode),
                      InstanceMethod("unloadModel", &EngineWrap::unload_model),
                      InstanceMethod("createSequence", &EngineWrap::create_sequence),
                      InstanceMethod("forkSequence", &EngineWrap::fork_sequence),
                      InstanceMethod("setSampling", &EngineWrap::set_sampling),
                      InstanceMethod("truncateSequence", &EngineWrap::truncate_sequence),
                      InstanceMethod("dropSequence", &EngineWrap::drop_sequence),
                      InstanceMethod("kvImageBytes", &EngineWrap::kv_image_bytes),
                      InstanceMethod("saveKv", &EngineWrap::save_kv),
                      InstanceMethod("loadKv", &EngineWrap::load_kv),
                      InstanceMethod("checksumFile", &EngineWrap::checksum_file),
                      InstanceMethod("step", &EngineWrap::step),
                      InstanceMethod("stepAhead", &EngineWrap::step_ahead),
                      InstanceMethod("withdrawAhead", &EngineWrap::withdraw_ahead),
                      InstanceMethod("close", &EngineWrap::close)});
}

// constructor(options: EngineOptions)
EngineWrap::EngineWrap(const Napi::CallbackInfo& call) : Napi::ObjectWrap<EngineWrap>(call), env_(call.Env()) {
  try {
    thread_ = std::make_unique<CommandThread>(read_engine_options(call[0]));
  } catch (...) {
    throw to_js(env_, translate_error(std::current_exception(), "engine.start"));
  }
  channel_ = Channel::New(env_, "semantic engine", 0, 1, this);
  channel_.Unref(env_);
  napi_add_env_cleanup_hook(env_, &EngineWrap::on_environment_end, this);
}

EngineWrap::~EngineWrap() {
  if (!thread_) return;
  napi_remove_env_cleanup_hook(env_, &EngineWrap::on_environment_end, this);
  shut_down();
}

// Waits for the command in progress. Its promise, and those behind it, stay unsettled: nobody is left to hear of them.
void EngineWrap::shut_down() {
  thread_.reset();
  channel_.Release();
}

void EngineWrap::begin_pending(Napi::Env env) {
  if (pending_++ > 0) return;
  Ref();
  channel_.Ref(env);
}

void EngineWrap::end_pending(Napi::Env env) {
  if (--pending_ > 0) return;
  channel_.Unref(env);
  Unref();
}

void EngineWrap::deliver(Settlement settle) {
  auto* queued = new Settlement(std::move(settle));
  if (channel_.NonBlockingCall(queued) != napi_ok) delete queued;
}

// `env` is null when the environment ended while the result was on its way.
void EngineWrap::settle_on_js_thread(Napi::Env env, Napi::Function, EngineWrap* wrap, Settlement* settle) {
  const std::unique_ptr<Settlement> owned(settle);
  if (static_cast<napi_env>(env) == nullptr) return;
  try {
    (*owned)(env);
    wrap->end_pending(env);
  } catch (const Napi::Error&) {
    // A worker that is being terminated refuses every call into JavaScript; nobody waits for the promise any more.
  }
}

// Results too large for a typed array reject the promise instead of leaving it open.
template <class ToValue>
void EngineWrap::resolve(Napi::Env env, const Deferred& deferred, const ToValue& to_value) {
  std::optional<Napi::Value> value;
  try {
    value = to_value(env);
  } catch (const Napi::Error& failure) {
    deferred->Reject(failure.Value());
    return;
  }
  deferred->Resolve(*value);
}

Delivery EngineWrap::reject(const Deferred& deferred, const Error& failure) {
  return [this, deferred, failure] {
    deliver([deferred, failure](Napi::Env e) { deferred->Reject(to_js(e, failure).Value()); });
  };
}

Napi::Value EngineWrap::post(const Napi::CallbackInfo& call, const char* origin, const std::function<CommandThread::Command(const Deferred&)>& make) {
  const Napi::Env env = call.Env();
  const auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  try {
    if (closed_) throw closed_error();
    const bool taken = thread_->post([this, deferred, origin, work = make(deferred)](Engine* engine) -> Delivery {
      try {
        if (!engine) throw closed_error();
        return work(engine);
      } catch (...) {
        return reject(deferred, translate_error(std::current_exception(), origin));
      }
    });
    if (!taken) throw closed_error();
    begin_pending(env);
  } catch (const Error& failure) {
    deferred->Reject(to_js(env, failure).Value());
  }
  return deferred->Promise();
}

template <class Prepare>
Napi::Value EngineWrap::command(const Napi::CallbackInfo& call, const char* origin, Prepare prepare) {
  return post(call, origin, [&](const Deferred& deferred) {
    return [this, deferred, work = prepare()](Engine* engine) -> Delivery {
      const auto result = work(*engine);
      return [this, deferred, result] { deliver([deferred, result](Napi::Env e) { resolve(e, deferred, result); }); };
    };
  });
}

template <class Value, class ToValue, class Prepare>
Napi::Value EngineWrap::long_command(const Napi::CallbackInfo& call, const char* origin, ToValue to_value, Prepare prepare) {
  return post(call, origin, [&](const Deferred& deferred) {
    const Settle<Value> settle = [this, deferred, to_value](const Outcome<Value>& outcome) -> Delivery {
      if (const auto* failure = std::get_if<Error>(&outcome)) return reject(deferred, *failure);
      return [this, deferred, to_value, value = std::get<Value>(outcome)] {
        deliver([deferred, to_value, value](Napi::Env e) { resolve(e, deferred, [&](Napi::Env env) { return to_value(env, value); }); });
      };
    };
    return [settle, work = prepare()](Engine* engine) { return work(*engine, settle); };
  });
}

// info(): BackendInfo
Napi::Value EngineWrap::info(const Napi::CallbackInfo& call) {
  if (closed_) throw to_js(call.Env(), closed_error());
  return to_js(call.Env(), thread_->info());
}

// stats(): EngineStats
Napi::Value EngineWrap::stats(const Napi::CallbackInfo& call) {
  if (closed_) throw to_js(call.Env(), closed_error());
  return to_js(call.Env(), thread_->stats());
}

// loadModel(options: LoadOptions): Promise<LoadedModel>
Napi::Value EngineWrap::load_model(const Napi::CallbackInfo& call) {
  return command(call, "decoder.load", [&] {
    return [this, options = read_load_options(call[0])](Engine& engine) {
      return [this, loaded = engine.load_model(options)](Napi::Env env) {
        layouts_[loaded.model] = loaded.kv_layout;
        return to_js(env, loaded);
      };
    };
  });
}

// loadEncoder(options: EncoderLoadOptions): Promise<LoadedEncoder>
Napi::Value EngineWrap::load_encoder(const Napi::CallbackInfo& call) {
  return command(call, "encoder.load", [&] {
    return [options = read_encoder_load_options(call[0])](Engine& engine) {
      return [loaded = engine.load_encoder(options)](Napi::Env env) { return to_js(env, loaded); };
    };
  });
}

// encode(plan: EncodePlan): Promise<EncodeResult>
Napi::Value EngineWrap::encode(const Napi::CallbackInfo& call) {
  return command(call, "engine.encode", [&] {
    return [plan = read_encode_plan(call[0])](Engine& engine) {
      const auto result = std::make_shared<const EncodeResult>(engine.encode(plan));
      return [result](Napi::Env env) { return to_js(env, *result); };
    };
  });
}

// unloadModel(model: ModelId): Promise<void>
Napi::Value EngineWrap::unload_model(const Napi::CallbackInfo& call) {
  return long_command<Done>(call, "engine.unload", nothing, [&] {
    const int model = read_id(call[0], "model");
    layouts_.erase(model);
    return [model](Engine& engine, const auto& settle) { return engine.unload_model(model, settle); };
  });
}

// createSequence(model: ModelId, sampling: SamplingOptions): Promise<SequenceId>
Napi::Value EngineWrap::create_sequence(const Napi::CallbackInfo& call) {
  return command(call, "engine.sequence", [&] {
    return [model = read_id(call[0], "model"), sampling = read_sampling(call[1])](Engine& engine) {
      return [id = engine.create_sequence(model, sampling)](Napi::Env env) { return Napi::Number::New(env, id); };
    };
  });
}

// forkSequence(sequence: SequenceId, length: number, sampling: SamplingOptions): Promise<ForkedSequence>
Napi::Value EngineWrap::fork_sequence(const Napi::CallbackInfo& call) {
  return command(call, "engine.fork", [&] {
    return [sequence = read_id(call[0], "sequence"), length = read_length(call[1], "length"), sampling = read_sampling(call[2])](Engine& engine) {
      return [forked = engine.fork_sequence(sequence, length, sampling)](Napi::Env env) { return to_js(env, forked); };
    };
  });
}

// setSampling(sequence: SequenceId, sampling: SamplingOptions): Promise<void>
Napi::Value EngineWrap::set_sampling(const Napi::CallbackInfo& call) {
  return command(call, "engine.sampling", [&] {
    return [sequence = read_id(call[0], "sequence"), sampling = read_sampling(call[1])](Engine& engine) {
      engine.set_sampling(sequence, sampling);
      return [](Napi::Env env) { return env.Undefined(); };
    };
  });
}

// truncateSequence(sequence: SequenceId, length: number): Promise<number>
Napi::Value EngineWrap::truncate_sequence(const Napi::CallbackInfo& call) {
  return command(call, "engine.truncate", [&] {
    return [sequence = read_id(call[0], "sequence"), length = read_length(call[1], "length")](Engine& engine) {
      return [kept = engine.truncate_sequence(sequence, length)](Napi::Env env) { return Napi::Number::New(env, kept); };
    };
  });
}

// dropSequence(sequence: SequenceId): Promise<void>
Napi::Value EngineWrap::drop_sequence(const Napi::CallbackInfo& call) {
  return command(call, "engine.drop", [&] {
    return [sequence = read_id(call[0], "sequence")](Engine& engine) {
      engine.drop_sequence(sequence);
      return [](Napi::Env env) { return env.Undefined(); };
    };
  });
}

// kvImageBytes(model: ModelId, count: number, layers: Int32Array): number
Napi::Value EngineWrap::kv_image_bytes(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  try {
    if (closed_) throw closed_error();
    const int model = read_id(call[0], "model"), count = read_length(call[1], "count");
    const auto found = layouts_.find(model);
    if (found == layouts_.end()) throw Error(ErrorCode::InvalidArgument, "engine.model", "model " + std::to_string(model) + " does not exist");
    const std::vector<int32_t> layers = read_int32s(call[2], "layers");
    validate_layers(layers, *found->second, "the image", "engine.kv_image_bytes");
    return Napi::Number::New(env, static_cast<double>(found->second->image_bytes(count, layers)));
  } catch (const Error& failure) {
    throw to_js(env, failure);
  }
}

// saveKv(sequence: SequenceId, fd: number, images: readonly KvImage[]): Promise<BigUint64Array>
Napi::Value EngineWrap::save_kv(const Napi::CallbackInfo& call) {
  const auto checksums = [](Napi::Env env, const std::vector<uint64_t>& sums) { return to_js(env, sums); };
  return long_command<std::vector<uint64_t>>(call, "engine.save_kv", checksums, [&] {
    return [sequence = read_id(call[0], "sequence"), fd = read_length(call[1], "fd"), images = read_kv_images(call[2])](
               Engine& engine, const auto& settle) { return engine.save_kv(sequence, fd, images, settle); };
  });
}

// loadKv(sequence: SequenceId, tokens: Int32Array, images: readonly SavedKvImage[], length: number): Promise<void>
Napi::Value EngineWrap::load_kv(const Napi::CallbackInfo& call) {
  return long_command<Done>(call, "engine.load_kv", nothing, [&] {
    return [sequence = read_id(call[0], "sequence"), tokens = read_int32s(call[1], "tokens"), images = read_saved_kv_images(call[2]),
            length = read_length(call[3], "length")](Engine& engine, const auto& settle) { return engine.load_kv(sequence, tokens, images, length, settle); };
  });
}

// checksumFile(fd: number, offset: number, bytes: number, seed: bigint): Promise<bigint>
Napi::Value EngineWrap::checksum_file(const Napi::CallbackInfo& call) {
  const auto to_bigint = [](Napi::Env env, uint64_t sum) { return Napi::BigInt::New(env, sum); };
  return long_command<uint64_t>(call, "engine.checksum_file", to_bigint, [&] {
    return [fd = read_length(call[0], "fd"), offset = read_bytes(call[1], "offset"), bytes = read_bytes(call[2], "bytes"),
            seed = read_uint64(call[3], "seed")](Engine& engine, const auto& settle) { return engine.checksum_file(fd, offset, bytes, seed, settle); };
  });
}

// step(plan: StepPlan): Promise<StepResult>
Napi::Value EngineWrap::step(const Napi::CallbackInfo& call) {
  return command(call, "engine.step", [&] {
    return [plan = read_plan(call[0])](Engine& engine) {
      const auto result = std::make_shared<const StepResult>(engine.step(plan));
      return [result](Napi::Env env) { return to_js(env, *result); };
    };
  });
}

// stepAhead(plan: StepPlan): Promise<StepResult | null>
Napi::Value EngineWrap::step_ahead(const Napi::CallbackInfo& call) {
  return command(call, "engine.step", [&] {
    return [this, number = ++asked_ahead_, plan = read_plan(call[0])](Engine& engine) {
      const bool withdrawn = number <= withdrawn_ahead_.load(std::memory_order_relaxed);
      const auto result = withdrawn ? nullptr : std::make_shared<const StepResult>(engine.step(plan));
      return [result](Napi::Env env) { return result ? to_js(env, *result) : env.Null(); };
    };
  });
}

// withdrawAhead(): void
void EngineWrap::withdraw_ahead(const Napi::CallbackInfo&) { withdrawn_ahead_.store(asked_ahead_, std::memory_order_relaxed); }

// close(): Promise<void>; a second call resolves with the first.
Napi::Value EngineWrap::close(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  const Napi::Promise promise = deferred->Promise();
  if (closed_ && closers_.empty()) {
    deferred->Resolve(env.Undefined());
    return promise;
  }
  closers_.push_back(deferred);
  if (closed_) return promise;
  closed_ = true;
  begin_pending(env);
  thread_->close([this] {
    deliver([this](Napi::Env e) {
      thread_->join();
      for (const Deferred& closer : closers_) closer->Resolve(e.Undefined());
      closers_.clear();
    });
  });
  return promise;
}

}  // namespace semantic
