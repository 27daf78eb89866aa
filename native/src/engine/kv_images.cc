#include "engine/kv_images.h"

#include <algorithm>

#include "error.h"

namespace semantic {
namespace {

constexpr const char* kSave = "engine.save_kv";
constexpr const char* kLoad = "engine.load_kv";

[[noreturn]] void refuse(const char* origin, const std::string& message) { throw Error(ErrorCode::InvalidArgument, origin, message); }

std::string name_of(size_t image) { return "image " + std::to_string(image); }

std::string range(int start, int end) { return std::to_string(start) + ".." + std::to_string(end - 1); }

void validate_block(const KvImage& image, const KvLayout& layout, const std::string& name, const char* origin) {
  if (image.start % kBlockTokens != 0 || image.count < 1 || image.count > kBlockTokens) {
    refuse(origin, name + " should start at a multiple of 256 and count 1..256 tokens, starts at " + std::to_string(image.start) + " and counts " +
                       std::to_string(image.count));
  }
  validate_layers(image.layers, layout, name, origin);
}

}  // namespace

void validate_layers(std::span<const int32_t> layers, const KvLayout& layout, const std::string& name, const char* origin) {
  const int count = static_cast<int>(layout.layers.size());
  std::vector<bool> seen(layout.layers.size());
  for (const int32_t layer : layers) {
    if (layer < 0 || layer >= count) refuse(origin, name + " names layer " + std::to_string(layer) + ", the model has 0.." + std::to_string(count - 1));
    if (seen[static_cast<size_t>(layer)]) refuse(origin, name + " names layer " + std::to_string(layer) + " twice");
    seen[static_cast<size_t>(layer)] = true;
  }
  if (layers.empty()) refuse(origin, name + " names no layer");
}

void validate_save(std::span<const KvImage> images, const SequenceKv& kv, const KvLayout& layout) {
  for (size_t i = 0; i < images.size(); ++i) {
    const KvImage& image = images[i];
    validate_block(image, layout, name_of(i), kSave);
    for (const int32_t layer : image.layers) {
      const int first = kv.first_held(layer);
      if (kv.recurs(layer) && image.start + image.count != kv.length()) {
        refuse(kSave, name_of(i) + " is of tokens " + range(image.start, image.start + image.count) + ", layer " + std::to_string(layer) +
                          " recurs and has its state after " + std::to_string(kv.length()) + " only");
      }
      if (image.start >= first && int64_t{image.start} + image.count <= kv.length()) continue;
      refuse(kSave, name_of(i) + " is of tokens " + range(image.start, image.start + image.count) + ", layer " + std::to_string(layer) +
                        " of the sequence holds " + (first < kv.length() ? range(first, kv.length()) : "none"));
    }
  }
}

void validate_load(std::span<const SavedKvImage> images, int tokens, int kept, const SequenceKv& kv, const KvLayout& layout) {
  const int length = kv.length(), end = length + tokens;
  if (length % kBlockTokens != 0) refuse(kLoad, "the sequence should hold a multiple of 256 tokens, holds " + std::to_string(length));
  if (kept <= length || kept > end) {
    refuse(kLoad, "length should be in " + range(length + 1, end + 1) + ", is " + std::to_string(kept));
  }
  for (size_t layer = 0; kept != end && layer < layout.layers.size(); ++layer) {
    if (!kv.recurs(static_cast<int>(layer))) continue;
    refuse(kLoad, "length should be " + std::to_string(end) + ", since layer " + std::to_string(layer) + " recurs and cannot be cut, is " + std::to_string(kept));
  }
  // [layer][block from `length` on]
  const size_t blocks = static_cast<size_t>((tokens + kBlockTokens - 1) / kBlockTokens);
  std::vector<std::vector<bool>> given(layout.layers.size(), std::vector<bool>(blocks));
  for (size_t i = 0; i < images.size(); ++i) {
    const KvImage& image = images[i];
    validate_block(image, layout, name_of(i), kLoad);
    if (image.start < length || image.start >= end || image.count != std::min(kBlockTokens, end - image.start)) {
      refuse(kLoad, name_of(i) + " is of tokens " + range(image.start, image.start + image.count) + ", wanted are blocks of tokens " + range(length, end));
    }
    const auto block = static_cast<size_t>((image.start - length) / kBlockTokens);
    for (const int32_t layer : image.layers) {
      auto&& there = given[static_cast<size_t>(layer)][block];
      if (there) refuse(kLoad, name_of(i) + " has tokens of layer " + std::to_string(layer) + " that an image before it has too");
      there = true;
    }
  }
  for (size_t layer = 0; layer < given.size(); ++layer) {
    const int first = kv.first_needed(static_cast<int>(layer), kept);
    for (size_t block = 0; block < blocks; ++block) {
      const int start = length + static_cast<int>(block) * kBlockTokens;
      if (given[layer][block] == (start >= first)) continue;
      refuse(kLoad, "layer " + std::to_string(layer) + " needs images of tokens " + range(std::max(first, length), end) + ", " +
                        (start >= first ? "none is" : "one is") + " of the block from " + std::to_string(start) + " on");
    }
  }
}

}  // namespace semantic
