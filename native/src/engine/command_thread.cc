#include "engine/command_thread.h"

#include <mlx/mlx.h>

#include "engine/translate_error.h"

namespace semantic {

CommandThread::CommandThread(const EngineOptions& options) : options_(options) {
  thread_ = std::thread([this] { loop(); });
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return started_; });
  if (!start_failure_) return;
  lock.unlock();
  thread_.join();
  throw Error(*start_failure_);
}

CommandThread::~CommandThread() {
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
  return stats_;
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
