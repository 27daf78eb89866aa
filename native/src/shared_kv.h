// Memory of KV that several sequences may hold: counted in KvCounters.bytes once, and in shared_bytes for every holder
// beyond the first. What one holder reads no other may write.
#pragma once
#include <utility>

#include "executor.h"

namespace semantic {

template <class Memory>
class SharedKv {
 public:
  SharedKv(Memory memory, int64_t bytes, KvCounters& counters) : held_(new Held{std::move(memory), bytes, 1, counters}) {
    counters.bytes += bytes;
  }
  ~SharedKv() { release(); }
  SharedKv(SharedKv&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  SharedKv& operator=(SharedKv&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }

  // A second holder of the same memory.
  SharedKv share() const {
    ++held_->holders;
    held_->counters.shared_bytes += held_->bytes;
    return SharedKv(held_);
  }
  // More of the memory is in use.
  void grow_to(int64_t bytes) {
    const int64_t more = bytes - held_->bytes;
    if (more <= 0) return;
    held_->counters.bytes += more;
    held_->counters.shared_bytes += more * (held_->holders - 1);
    held_->bytes = bytes;
  }
  bool sole() const { return held_->holders == 1; }
  bool same(const SharedKv& other) const { return held_ == other.held_; }
  int64_t bytes() const { return held_->bytes; }
  Memory& operator*() const { return held_->memory; }
  Memory* operator->() const { return &held_->memory; }

 private:
  // Engine thread only: a plain count is enough.
  struct Held {
    Memory memory;
    int64_t bytes;
    int holders;
    KvCounters& counters;
  };
  explicit SharedKv(Held* held) : held_(held) {}
  void release() {
    if (held_ == nullptr) return;
    if (--held_->holders > 0) {
      held_->counters.shared_bytes -= held_->bytes;
      return;
    }
    held_->counters.bytes -= held_->bytes;
    delete held_;
  }

  Held* held_;
};

}  // namespace semantic
