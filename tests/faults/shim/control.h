// What a test and the shim share: one page, mapped from the file that FAULTS_CONTROL names. control.ts writes the same offsets.
#pragma once

#include <atomic>
#include <cstdint>

enum Kind : uint32_t {
  kCreate = 1,    // open() for writing, mkdir()
  kWrite = 2,     // write() and its relatives, copies inside the kernel
  kSync = 4,      // fsync(), fdatasync()
  kTruncate = 8,  // ftruncate(), truncate()
  kName = 16,     // rename(), unlink(), link(), rmdir()
  kRead = 32,     // read() and its relatives
  kSpace = 64,    // statfs(): never counted; where it fails it says that no byte is free
};

enum Action : int32_t {
  kNone = 0,
  kKillBefore = 1,
  kKillAfter = 2,
  kKillHalf = 3,    // half of the bytes are written, then SIGKILL
  kFailOnce = 4,    // with `action_errno`
  kFailOn = 5,      // with `action_errno`, this call and those after it, until the test clears `fail_with`
  kFailHalf = 6,    // half of the bytes are written, and from the next call on as kFailOn
};

struct Control {
  std::atomic<int64_t> clock_offset_seconds;  // 0: added to the time of day
  std::atomic<int32_t> fail_with;             // 8: errno of all calls of `fail_kinds`; 0 = none fails
  std::atomic<uint32_t> fail_kinds;           // 12
  std::atomic<int64_t> calls;                 // 16: calls of `count_kinds` so far
  std::atomic<int64_t> at;                    // 24: the call that `action` is for, counted like `calls`; 0 = none
  std::atomic<int32_t> action;                // 32
  std::atomic<int32_t> action_errno;          // 36
  std::atomic<int64_t> failed;                // 40: calls that were made to fail
  std::atomic<uint32_t> count_kinds;          // 48
};

inline constexpr uint32_t kControlBytes = 4096;
