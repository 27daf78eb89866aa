#include "engine/kv_save.h"

#include "store/file_range.h"

namespace semantic {

KvSave::KvSave(std::unique_ptr<SequenceKv> kv, int fd, std::vector<KvImage> images, Settle<std::vector<uint64_t>> settle)
    : settle(std::move(settle)), kv_(std::move(kv)), fd_(fd), images_(std::move(images)) {
  for (const KvImage& image : images_) hashes_.emplace_back(image.seed);
}

void KvSave::prepare(int64_t most) {
  while (!prepared_all() && (parts_.empty() || gathered_ < most)) {
    const KvImage& image = images_[image_];
    if (layer_ == 0) offset_ = image.offset;
    parts_.push_back(kv_->part(image.layers[layer_], image.start, image.count));
    const KvPart& part = parts_.back();
    if (runs_.empty() || runs_.back().image != image_) runs_.push_back({image_, offset_, {}});
    runs_.back().bytes.push_back(part.bytes);
    gathered_ += part.gathered;
    offset_ += static_cast<int64_t>(part.bytes.bytes);
    if (++layer_ < image.layers.size()) continue;
    layer_ = 0;
    ++image_;
  }
  if (prepared_all()) kv_.reset();
}

void KvSave::write(const std::atomic<bool>& stopping) {
  for (const Run& run : runs_) {
    if (write_range(fd_, run.offset, run.bytes, hashes_[run.image], stopping) == RangeEnd::Stopped) throw closed_error();
  }
}

void KvSave::release() {
  runs_.clear();
  parts_.clear();
  gathered_ = 0;
}

std::vector<uint64_t> KvSave::checksums() const {
  std::vector<uint64_t> sums;
  for (const Xxh64& hash : hashes_) sums.push_back(hash.digest());
  return sums;
}

}  // namespace semantic
