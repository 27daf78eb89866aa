// Zeroed memory straight from the system: what is freed leaves the process at once, and a failed allocation is an
// error instead of a crash.
#pragma once
#include <cstddef>
#include <utility>

namespace semantic::cpu {

size_t page_bytes();  // of this system

class PageBuffer {
 public:
  PageBuffer() = default;
  // Throws Error(OutOfMemory, origin) with the size. Large buffers ask for huge pages.
  PageBuffer(size_t bytes, const char* origin);
  ~PageBuffer();
  PageBuffer(PageBuffer&& other) noexcept { *this = std::move(other); }
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }

  // The first `bytes`, whole pages, as a buffer of their own: each is given back to the system by itself.
  PageBuffer split(size_t bytes);

  template <class T>
  T* as(size_t byte_offset = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + byte_offset);
  }
  size_t bytes() const { return bytes_; }  // as asked for

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace semantic::cpu
