// Where the time of steps goes, as the engine thread sees it: what it does itself, and how long it waits for the other threads
// at the end of a phase. The clock is read only where a profile was asked for.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace semantic {

enum class StepPart : uint8_t {
  Embedding,    // and the angles of RoPE
  Projections,  // norm, then q, k and v
  Append,       // q and k norms, RoPE, writing K and V
  Attention,
  Output,       // o, added to the residual stream
  Gate,         // norm, then gate, up and activation; all of a mixture of experts
  Down,
  Head,         // norm and logits
  Sampling,
};
inline constexpr size_t kStepParts = static_cast<size_t>(StepPart::Sampling) + 1;

struct StepProfile {
  struct Part {
    int64_t nanos = 0;          // of work
    int64_t waiting_nanos = 0;  // for other threads, behind it
  };
  std::array<Part, kStepParts> parts{};
  int64_t total_nanos = 0;  // of whole steps; what no part has is planning and admission
};

// Times one part from its construction to its destruction. Costs a branch where `profile` is null.
class PartClock {
 public:
  PartClock(StepProfile* profile, StepPart part) : profile_(profile), part_(part) {
    if (profile_) start_ = now();
  }
  ~PartClock() {
    if (!profile_) return;
    const int64_t end = now();
    if (waiting_since_ == 0) waiting_since_ = end;
    StepProfile::Part& part = profile_->parts[static_cast<size_t>(part_)];
    part.nanos += waiting_since_ - start_;
    part.waiting_nanos += end - waiting_since_;
  }
  PartClock(const PartClock&) = delete;
  PartClock& operator=(const PartClock&) = delete;

  // Own work is done; the rest is waiting.
  void wait() {
    if (profile_) waiting_since_ = now();
  }

  static int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

 private:
  StepProfile* const profile_;
  const StepPart part_;
  int64_t start_ = 0, waiting_since_ = 0;
};

// Adds its lifetime to the total.
class StepClock {
 public:
  explicit StepClock(StepProfile* profile) : profile_(profile), start_(profile ? PartClock::now() : 0) {}
  ~StepClock() {
    if (profile_) profile_->total_nanos += PartClock::now() - start_;
  }
  StepClock(const StepClock&) = delete;
  StepClock& operator=(const StepClock&) = delete;

 private:
  StepProfile* const profile_;
  const int64_t start_;
};

}  // namespace semantic
