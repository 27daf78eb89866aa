// One thread that owns an Engine, and a queue of commands for it. MLX's streams are thread-local: everything that
// touches MLX runs here.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/engine.h"
#include "error.h"

namespace semantic {

class CommandThread {
 public:
  // Called on the engine thread with the engine; or with null, when the queue was closed before the command's turn.
  using Command = std::function<Delivery(Engine* engine)>;

  // Starts the thread and its engine; throws what the engine's constructor throws.
  explicit CommandThread(const EngineOptions& options);
  // Ends the thread after the command in progress and waits for it.
  ~CommandThread();

  // False once the queue is closed; the command is then not taken.
  bool post(Command command);
  // Takes no further commands; those waiting run with null. `done` runs last on the thread, after all memory was freed.
  bool close(std::function<void()> done);
  void join();

  EngineStats stats() const;  // as they were after the last command, but for how far a load is
  const BackendInfo& info() const { return info_; }

 private:
  void loop();
  std::optional<Command> next();
  void publish(const Engine& engine);

  EngineOptions options_;
  BackendInfo info_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Command> queue_;
  bool closed_ = false;
  bool started_ = false;
  std::optional<Error> start_failure_;
  std::function<void()> done_;
  EngineStats stats_;
  std::thread thread_;
};

}  // namespace semantic
