#include "cpu/page_buffer.h"

#include <sys/mman.h>

#include <string>

#include "error.h"

namespace semantic::cpu {

PageBuffer::PageBuffer(size_t bytes, const char* origin) : bytes_(bytes) {
  if (bytes == 0) return;
  data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    bytes_ = 0;
    throw Error(ErrorCode::OutOfMemory, origin, "the system refused " + std::to_string(bytes) + " bytes");
  }
#if defined(MADV_HUGEPAGE)
  constexpr size_t kHugePage = size_t{2} << 20;
  if (bytes >= 4 * kHugePage) madvise(data_, bytes, MADV_HUGEPAGE);
#endif
}

PageBuffer::~PageBuffer() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace semantic::cpu
