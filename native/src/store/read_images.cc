#include "store/read_images.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "error.h"
#include "store/file_range.h"
#include "store/io_error.h"

namespace semantic {
namespace {

std::string hexadecimal(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

[[noreturn]] void corrupt(size_t image, const std::string& message) {
  Error error(ErrorCode::KvCorrupt, "store.read", "image " + std::to_string(image) + message);
  error.image = static_cast<int>(image);
  throw error;
}

}  // namespace

void read_images(std::span<const ImageToRead> images, const std::atomic<bool>& stopping) {
  for (size_t i = 0; i < images.size(); ++i) {
    const ImageToRead& image = images[i];
    if (i + 1 < images.size()) announce_range(images[i + 1].fd, images[i + 1].offset, images[i + 1].into);
    Xxh64 hash(image.seed);
    const RangeEnd end = read_range(image.fd, image.offset, image.into, hash, stopping);
    if (end == RangeEnd::Stopped) throw closed_error();
    if (end == RangeEnd::EndOfFile) corrupt(i, " is cut: its file ends before it does");
    if (hash.digest() == image.checksum) continue;
    corrupt(i, " should have the checksum " + hexadecimal(image.checksum) + ", has " + hexadecimal(hash.digest()));
  }
}

uint64_t checksum_file(int fd, int64_t offset, int64_t bytes, uint64_t seed, const std::atomic<bool>& stopping) {
  std::vector<char> buffer(static_cast<size_t>(std::min<int64_t>(bytes, int64_t{512} << 10)));
  Xxh64 hash(seed);
  for (int64_t done = 0; done < bytes;) {
    const KvBytes piece{buffer.data(), static_cast<size_t>(std::min<int64_t>(bytes - done, static_cast<int64_t>(buffer.size())))};
    const RangeEnd end = read_range(fd, offset + done, {&piece, 1}, hash, stopping);
    if (end == RangeEnd::Stopped) throw closed_error();
    if (end == RangeEnd::EndOfFile) throw io_error("store.read", ENODATA, offset + done);
    done += static_cast<int64_t>(piece.bytes);
  }
  return hash.digest();
}

}  // namespace semantic
