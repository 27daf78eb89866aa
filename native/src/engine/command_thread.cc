#include "engine/command_thread.h"

#include <mlx/mlx.h>

#include <algorithm>
#include <cstdlib>

#include "engine/translate_error.h"

namespace semantic {

namespace {

// Threads that are alive, in every environment of this process.
struct Living {
  std::mutex mutex;
  std::vector<CommandThread*> threads;
};

// Never destroyed: it is asked while the process ends.
Living& living() {
  static auto* all = new Living;
  return *all;
}

// process.exit() runs no clean-up hooks, but destroys what MLX has of global state: no engine may be at work by then.
void end_all() {
  const std::lock_guard lock(living().mutex);
  for (CommandThread* thread : living().threads) {
    thread->close(nullptr);
    thread->join();
  }
  living().threads.clear();
}

void add_living(CommandThread* thread) {
  const std::lock_guard lock(living().mutex);
  living().threads.push_back(thread);
  // After an engine has started, and so after MLX has made what it destroys: handlers run in reverse order.
  static const int registered = std::atexit(end_all);
  static_cast<void>(registered);
}

void remove_living(CommandThread* thread) {
  const std::lock_guard lock(living().mutex);
  std::erase(living().threads, thread);
}

}  // namespace

CommandThread::CommandThread(const EngineOptions& options) : options_(options) {
  thread_ = std::thread([this] { loop(); });
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return started_; });
  lock.unlock();
  if (start_failure_) {
    thread_.join();
    throw Error(*start_failure_);
  }
  add_living(this);
}

CommandThread::~CommandThread() {
  remove_living(this);
  close(nullptr);
  join();
}

void CommandThread::join() {
  if (thread_.joinable()) thread_.join();
}

bool CommandThread::post(Command command) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    queue_.push_back(std::move(command));
  }
  wake_.notify_all();
  return true;
}

bool CommandThread::close(std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    closed_ = true;
    done_ = std::move(done);
  }
  wake_.notify_all();
  return true;
}

EngineStats CommandThread::stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.loading_bytes = options_.loading->total_bytes;
  stats.loaded_bytes = options_.loading->taken_bytes;
  return stats;
}

void CommandThread::publish(const Engine& engine) {
  EngineStats stats = engine.stats();
  std::lock_guard lock(mutex_);
  stats_ = stats;
}

std::optional<CommandThread::Command> CommandThread::next() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
  if (closed_) return std::nullopt;
  Command command = std::move(queue_.front());
  queue_.pop_front();
  return command;
}

void CommandThread::loop() {
  std::unique_ptr<Engine> engine;
  try {
    engine = std::make_unique<Engine>(options_, [this](Command command) { post(std::move(command)); });
    mlx::core::eval(mlx::core::ones({1}));  // makes MLX's scheduler and allocator, see end_all()
    info_ = engine->info();
    publish(*engine);
  } catch (...) {
    start_failure_.emplace(translate_error(std::current_exception(), "engine.start"));
  }
  {
    std::lock_guard lock(mutex_);
    started_ = true;
  }
  wake_.notify_all();
  if (!engine) return;

  while (auto command = next()) {
    const Delivery deliver = (*command)(engine.get());
    publish(*engine);
    deliver();
  }
  for (Command& waiting : queue_) waiting(nullptr)();
  queue_.clear();
  engine.reset();
  mlx::core::clear_streams();
  if (done_) done_();
}

}  // namespace semantic
