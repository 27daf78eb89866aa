// A thread that reads or writes files, one job after the other. It starts with the first job.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace semantic {

class IoThread {
 public:
  enum class Priority { Normal, Low };  // low: runs in what others leave
  using Job = std::function<void(const std::atomic<bool>& stopping)>;

  explicit IoThread(Priority priority) : priority_(priority) {}
  // As stop().
  ~IoThread() { stop(); }

  void post(Job job);
  // Tells the job in progress to stop and waits for it; jobs behind it never run.
  void stop();

 private:
  void loop();

  const Priority priority_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace semantic
