// Reads saved bytes where they belong, and believes none that does not have its checksum.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "executor.h"

namespace semantic {

struct ImageToRead {
  int fd;
  int64_t offset;
  uint64_t seed, checksum;
  std::vector<KvBytes> into;
};

// Throws Error(KvCorrupt, "store.read") with the image's index where its checksum is another or the file ends within it,
// Error(Io) where it cannot be read, Error(EngineClosed) when told to stop.
void read_images(std::span<const ImageToRead> images, const std::atomic<bool>& stopping);

// XXH64 of bytes of a file; Error(Io) where they cannot be read, or the file ends within them.
uint64_t checksum_file(int fd, int64_t offset, int64_t bytes, uint64_t seed, const std::atomic<bool>& stopping);

}  // namespace semantic
