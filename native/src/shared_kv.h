// Memory of KV that several sequences may hold: counted in KvCounters.bytes once, and in shared_bytes for every holder
// beyond the first. Only a sole holder may write; what is shared stays as it is until all but one have let go.
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
  bool sole() const { return held_->holders == 1; }
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
