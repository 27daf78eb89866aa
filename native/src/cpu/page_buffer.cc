#include "cpu/page_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "error.h"

namespace semantic::cpu {

size_t page_bytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

PageBuffer::PageBuffer(size_t bytes, const char* origin) : bytes_(bytes) {
  if (bytes == 0) return;
  // The mapping is larger than asked for where huge pages want alignment; untouched pages cost nothing.
  constexpr size_t kHugePage = size_t{2} << 20;
  const bool huge = bytes >= 2 * kHugePage;
  mapped_ = bytes + (huge ? kHugePage : 0);
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    mapped_ = bytes_ = 0;
    throw Error(ErrorCode::OutOfMemory, origin, "the system refused " + std::to_string(bytes) + " bytes");
  }
  data_ = mapping_;
  if (!huge) return;
  data_ = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(mapping_) + kHugePage - 1) / kHugePage * kHugePage);
#if defined(MADV_HUGEPAGE)
  madvise(data_, bytes, MADV_HUGEPAGE);
#endif
}

PageBuffer::~PageBuffer() {
  if (mapped_ > 0) munmap(mapping_, mapped_);
}

PageBuffer PageBuffer::split(size_t bytes) {
  PageBuffer front;
  front.data_ = data_;
  front.bytes_ = bytes;
  front.mapping_ = mapping_;
  front.mapped_ = static_cast<size_t>(as<char>(bytes) - static_cast<char*>(mapping_));
  mapped_ -= front.mapped_;
  bytes_ -= bytes;
  mapping_ = data_ = as<char>(bytes);
  return front;
}

}  // namespace semantic::cpu
