// The engine thread plus n-1 workers that run one program together, phase by phase.
// A phase is a number of chunks. A thread takes chunks of its own contiguous range first, then of the others', and leaves
// when all chunks are done, not when all threads have come: a worker that lost its core delays nobody unless it holds a chunk.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "step_profile.h"

namespace semantic {

namespace cpu {
struct Kernels;
}

class ThreadPool {
 public:
  class Worker {
   public:
    int index() const { return index_; }
    // What the phases from here on are counted as, where the pool has a profile. Before that they are not counted.
    void begin(StepPart part) {
      counting_ = profile_;
      part_ = part;
    }
    // Calls body(chunk) for each chunk in [0, chunks), chunks >= 1, spread over the pool's threads; returns when all are done.
    // Every thread must reach the same phases in the same order. `chunks` may be stale for a thread that comes late.
    template <class Body>
    void phase(int chunks, Body&& body) {
      const uint32_t id = next_phase_++;
      PartClock clock(counting_, part_);
      for (int chunk; (chunk = pool_.take(id, chunks, index_)) >= 0;) {
        body(chunk);
        pool_.finish_chunk(id, chunks);
      }
      clock.wait();
      pool_.wait_phase(id);
    }

   private:
    friend class ThreadPool;
    Worker(ThreadPool& pool, int index, uint32_t phase, StepProfile* profile)
        : pool_(pool), index_(index), next_phase_(phase), profile_(profile) {}
    ThreadPool& pool_;
    int index_;
    uint32_t next_phase_;
    StepProfile* profile_;  // of the thread that called run(), else null
    StepProfile* counting_ = nullptr;
    StepPart part_ = StepPart::Embedding;
  };

  // `threads` >= 1 counts the caller of run(). `kernels` is what programs on this pool compute with.
  ThreadPool(int threads, const cpu::Kernels& kernels);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  const cpu::Kernels& kernels() const { return kernels_; }
  // Where the phases of later runs are counted; null = nowhere.
  void set_profile(StepProfile* profile) { profile_ = profile; }

  // Runs program(Worker&) here and on every worker that gets a core in time. It must not throw.
  template <class Program>
  void run(Program&& program) {
    using P = std::remove_reference_t<Program>;
    run_erased([](void* p, Worker& w) { (*static_cast<P*>(p))(w); }, &program);
  }

 private:
  using Erased = void (*)(void*, Worker&);
  // Tags make stale slots look empty, so that nothing is cleared between phases: value = phase << 32 | count.
  struct alignas(64) Tagged {
    std::atomic<uint64_t> value{0};
  };

  void run_erased(Erased program, void* argument);
  void worker_loop(int index);
  int take(uint32_t phase, int chunks, int self);
  void finish_chunk(uint32_t phase, int chunks);
  void wait_phase(uint32_t phase);

  const int threads_;
  const cpu::Kernels& kernels_;
  std::unique_ptr<Tagged[]> tickets_;  // [kRing][threads]
  std::unique_ptr<Tagged[]> done_;     // [kRing]
  alignas(64) std::atomic<uint32_t> completed_{0};  // highest phase whose chunks are all done
  alignas(64) std::atomic<uint64_t> gate_{0};       // run << 32 | open << 31 | threads inside
  alignas(64) std::atomic<uint32_t> run_{0};        // what idle workers watch
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  Erased program_ = nullptr;
  void* argument_ = nullptr;
  uint32_t next_phase_ = 1;
  StepProfile* profile_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace semantic
