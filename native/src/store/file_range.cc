#include "store/file_range.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "error.h"
#include "store/io_error.h"

namespace semantic {
namespace {

constexpr size_t kChunk = size_t{512} << 10;  // bytes of a call: half of a core's second cache

#if defined(IOV_MAX)
constexpr size_t kMostPieces = IOV_MAX;
#else
constexpr size_t kMostPieces = 16;  // what POSIX promises
#endif

// Hands out memory in order, a chunk at a time.
class Cursor {
 public:
  explicit Cursor(std::span<const KvBytes> spans) : spans_(spans) { skip_empty(); }
  bool done() const { return at_ == spans_.size(); }

  // The next bytes, at most a chunk, as what a call takes.
  std::span<iovec> next() {
    pieces_.clear();
    size_t room = kChunk, within = within_;
    for (size_t i = at_; i < spans_.size() && room > 0 && pieces_.size() < kMostPieces; ++i, within = 0) {
      const size_t bytes = std::min(spans_[i].bytes - within, room);
      if (bytes > 0) pieces_.push_back({spans_[i].data + within, bytes});
      room -= bytes;
    }
    return pieces_;
  }

  void advance(size_t bytes, Xxh64& hash) {
    while (bytes > 0) {
      const size_t taken = std::min(bytes, spans_[at_].bytes - within_);
      hash.update(spans_[at_].data + within_, taken);
      within_ += taken;
      bytes -= taken;
      skip_empty();
    }
  }

 private:
  void skip_empty() {
    while (at_ < spans_.size() && within_ == spans_[at_].bytes) ++at_, within_ = 0;
  }

  std::span<const KvBytes> spans_;
  std::vector<iovec> pieces_;
  size_t at_ = 0, within_ = 0;
};

template <class Call>
RangeEnd transfer(int64_t offset, std::span<const KvBytes> spans, Xxh64& hash, const std::atomic<bool>& stopping, const char* origin, Call call) {
  for (Cursor cursor(spans); !cursor.done();) {
    if (stopping) return RangeEnd::Stopped;
    const std::span<iovec> pieces = cursor.next();
    const ssize_t moved = call(pieces.data(), static_cast<int>(pieces.size()), static_cast<off_t>(offset));
    if (moved == 0) return RangeEnd::EndOfFile;
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) throw io_error(origin, errno, offset);
    cursor.advance(static_cast<size_t>(moved), hash);
    offset += moved;
  }
  return RangeEnd::Complete;
}

}  // namespace

RangeEnd write_range(int fd, int64_t offset, std::span<const KvBytes> from, Xxh64& hash, const std::atomic<bool>& stopping) {
  const RangeEnd end = transfer(offset, from, hash, stopping, "store.write",
                                [fd](const iovec* pieces, int count, off_t at) { return pwritev(fd, pieces, count, at); });
  if (end == RangeEnd::EndOfFile) throw io_error("store.write", EIO, offset);  // a device that takes no byte and gives no reason
  return end;
}

RangeEnd read_range(int fd, int64_t offset, std::span<const KvBytes> into, Xxh64& hash, const std::atomic<bool>& stopping) {
  return transfer(offset, into, hash, stopping, "store.read",
                  [fd](const iovec* pieces, int count, off_t at) { return preadv(fd, pieces, count, at); });
}

void announce_range(int fd, int64_t offset, std::span<const KvBytes> into) {
  size_t bytes = 0;
  for (const KvBytes& piece : into) bytes += piece.bytes;
#if defined(POSIX_FADV_WILLNEED)
  posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
#elif defined(F_RDADVISE)
  radvisory range{static_cast<off_t>(offset), static_cast<int>(bytes)};
  fcntl(fd, F_RDADVISE, &range);
#endif
}

}  // namespace semantic
