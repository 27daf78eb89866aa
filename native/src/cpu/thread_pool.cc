#include "cpu/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace semantic {
namespace {

constexpr int kRing = 16;               // phases whose counters are kept apart; a later phase overwrites by tag
constexpr int kIdleSpins = 2000;        // ~50-100 us before an idle worker sleeps
constexpr int kSpinsBeforeYield = 2000; // a waiting thread gives its core away after as long
constexpr uint64_t kOpen = uint64_t{1} << 31;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

inline uint32_t tag(uint64_t v) { return static_cast<uint32_t>(v >> 32); }
inline uint32_t count(uint64_t v) { return static_cast<uint32_t>(v); }
inline bool newer(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

}  // namespace

ThreadPool::ThreadPool(int threads, const cpu::Kernels& kernels)
    : threads_(threads), kernels_(kernels), tickets_(new Tagged[static_cast<size_t>(kRing) * threads]), done_(new Tagged[kRing]) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { worker_loop(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_release);
  run_.fetch_add(1, std::memory_order_seq_cst);
  run_.notify_all();
  for (auto& w : workers_) w.join();
}

int ThreadPool::take(uint32_t phase, int chunks, int self) {
  // `chunks` was read before this check: if the phase is not over yet, it is the phase's own.
  if (!newer(phase, completed_.load(std::memory_order_acquire))) return -1;
  for (int i = 0; i < threads_; ++i) {
    const int t = (self + i) % threads_;
    const auto first = static_cast<uint32_t>(static_cast<int64_t>(chunks) * t / threads_);
    const auto end = static_cast<uint32_t>(static_cast<int64_t>(chunks) * (t + 1) / threads_);
    auto& slot = tickets_[static_cast<size_t>(phase % kRing) * threads_ + t].value;
    uint64_t seen = slot.load(std::memory_order_acquire);
    for (;;) {
      if (newer(tag(seen), phase)) return -1;
      const uint32_t taken = tag(seen) == phase ? count(seen) : 0;
      if (first + taken >= end) break;
      if (slot.compare_exchange_weak(seen, uint64_t{phase} << 32 | (taken + 1), std::memory_order_acq_rel)) {
        return static_cast<int>(first + taken);
      }
    }
  }
  return -1;
}

void ThreadPool::finish_chunk(uint32_t phase, int chunks) {
  auto& slot = done_[phase % kRing].value;
  uint64_t seen = slot.load(std::memory_order_relaxed);
  uint32_t finished;
  do {
    finished = (tag(seen) == phase ? count(seen) : 0) + 1;
  } while (!slot.compare_exchange_weak(seen, uint64_t{phase} << 32 | finished, std::memory_order_acq_rel));
  if (finished == static_cast<uint32_t>(chunks)) completed_.store(phase, std::memory_order_release);
}

void ThreadPool::wait_phase(uint32_t phase) {
  for (int spins = 0; newer(phase, completed_.load(std::memory_order_acquire)); ++spins) {
    if (spins < kSpinsBeforeYield) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::run_erased(Erased program, void* argument) {
  program_ = program;
  argument_ = argument;
  const uint32_t run = run_.load(std::memory_order_relaxed) + 1;
  gate_.store(uint64_t{run} << 32 | kOpen, std::memory_order_release);
  run_.store(run, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) run_.notify_all();

  Worker self(*this, 0, next_phase_, profile_);
  program(argument, self);

  gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int spins = 0; (count(gate_.load(std::memory_order_acquire)) & ~kOpen) != 0; ++spins) {
    if (spins < kSpinsBeforeYield) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
  next_phase_ = self.next_phase_;
}

void ThreadPool::worker_loop(int index) {
  uint32_t last = 0;
  for (;;) {
    int spins = 0;
    while (run_.load(std::memory_order_acquire) == last) {
      if (++spins < kIdleSpins) {
        relax();
        continue;
      }
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      run_.wait(last, std::memory_order_seq_cst);
      sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    }
    if (stop_.load(std::memory_order_acquire)) return;
    last = run_.load(std::memory_order_acquire);
    uint64_t gate = gate_.load(std::memory_order_acquire);
    while (tag(gate) == last && (gate & kOpen) != 0) {
      if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) continue;
      Worker self(*this, index, next_phase_, nullptr);
      program_(argument_, self);
      gate_.fetch_sub(1, std::memory_order_acq_rel);
      break;
    }
  }
}

}  // namespace semantic
