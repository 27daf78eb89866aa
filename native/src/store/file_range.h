// Bytes of an open file from and to memory in pieces, with their XXH64: hashed while they are in the cache. Interrupted and short
// calls go on where they stopped.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>

#include "executor.h"
#include "store/xxh64.h"

namespace semantic {

enum class RangeEnd { Complete, EndOfFile, Stopped };

// Throw Error(Io, "store.write" | "store.read") with the errno. `stopping` is looked at every megabyte or so.
RangeEnd write_range(int fd, int64_t offset, std::span<const KvBytes> from, Xxh64& hash, const std::atomic<bool>& stopping);
RangeEnd read_range(int fd, int64_t offset, std::span<const KvBytes> into, Xxh64& hash, const std::atomic<bool>& stopping);

// Asks the system to have these bytes in memory soon.
void announce_range(int fd, int64_t offset, std::span<const KvBytes> into);

}  // namespace semantic
