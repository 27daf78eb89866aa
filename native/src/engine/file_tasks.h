// Work on files that goes on beside the engine thread: done on an I/O thread, finished on the engine thread, where all
// memory of KV is let go of.
#pragma once
#include <map>
#include <optional>

#include "engine/outcome.h"
#include "store/io_thread.h"

namespace semantic {

class FileTasks {
 public:
  // Runs a function on the engine thread, some time later; not at all once the engine is ending.
  using Resume = std::function<void(std::function<Delivery()>)>;
  // On the I/O thread; throws Error.
  using Work = IoThread::Job;
  // On the engine thread, exactly once; `failure` is null where the work was done.
  using Finish = std::function<Delivery(const Error* failure)>;

  FileTasks(IoThread::Priority priority, Resume resume) : thread_(priority), resume_(std::move(resume)) {}

  void add(int model, Work work, Finish finish);
  bool busy_with(int model) const;
  // Ends the thread; what is not finished finishes with Error(EngineClosed).
  void stop();

 private:
  struct Task {
    int model;
    Finish finish;
  };
  Delivery finish(int id, const std::optional<Error>& failure);

  IoThread thread_;
  Resume resume_;
  std::map<int, Task> tasks_;  // not finished
  int next_ = 1;
};

}  // namespace semantic
