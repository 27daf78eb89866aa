// One saveKv() call: images of a sequence on their way into a file, some of their parts at a time.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "engine/kv_images.h"
#include "engine/outcome.h"
#include "store/xxh64.h"

namespace semantic {

class KvSave {
 public:
  // `kv` holds what is to be saved; it is let go of when all parts are prepared.
  KvSave(std::unique_ptr<SequenceKv> kv, int fd, std::vector<KvImage> images, Settle<std::vector<uint64_t>> settle);

  // Engine thread. Takes the next parts, at least one, until they have gathered `most` bytes of memory of their own.
  void prepare(int64_t most);
  // I/O thread. Writes what was prepared.
  void write(const std::atomic<bool>& stopping);
  // Engine thread. Lets go of what was written.
  void release();

  int64_t gathered_bytes() const { return gathered_; }
  bool prepared_all() const { return image_ == images_.size(); }
  std::vector<uint64_t> checksums() const;
  const Settle<std::vector<uint64_t>> settle;

 private:
  // Parts of one image that lie one after the other in the file.
  struct Run {
    size_t image;
    int64_t offset;
    std::vector<KvBytes> bytes;
  };

  std::unique_ptr<SequenceKv> kv_;
  const int fd_;
  const std::vector<KvImage> images_;
  std::vector<Xxh64> hashes_;     // of each image, so far
  size_t image_ = 0, layer_ = 0;  // the next part
  int64_t offset_ = 0;            // of it in the file
  std::vector<KvPart> parts_;     // prepared
  std::vector<Run> runs_;
  int64_t gathered_ = 0;
};

}  // namespace semantic
