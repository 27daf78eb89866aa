#include "engine/file_tasks.h"

#include <algorithm>

#include "engine/translate_error.h"

namespace semantic {

void FileTasks::add(int model, Work work, Finish finish) {
  const int id = next_++;
  thread_.post([this, id, work = std::move(work)](const std::atomic<bool>& stopping) mutable {
    std::optional<Error> failure;
    try {
      work(stopping);
    } catch (...) {
      failure.emplace(translate_error(std::current_exception(), "store.run"));
    }
    work = nullptr;  // what it holds is the engine thread's to let go of
    resume_([this, id, failure] { return this->finish(id, failure); });
  });
  // In time: it finishes on this thread, after the command that adds it.
  tasks_.emplace(id, Task{model, std::move(finish)});
}

bool FileTasks::busy_with(int model) const {
  return std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& entry) { return entry.second.model == model; });
}

Delivery FileTasks::finish(int id, const std::optional<Error>& failure) {
  const auto node = tasks_.extract(id);
  return node.mapped().finish(failure ? &*failure : nullptr);
}

void FileTasks::stop() {
  thread_.stop();
  while (!tasks_.empty()) finish(tasks_.begin()->first, closed_error())();
}

}  // namespace semantic
