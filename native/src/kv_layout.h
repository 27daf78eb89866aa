// How an executor lays KV out in images: a versioned name, and how many bytes. Immutable, for any thread.
#pragma once
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace semantic {

struct KvLayout {
  struct Layer {
    int64_t token_bytes;  // of every token
    int64_t panel_bytes;  // of every 16 tokens, also where fewer are there
    int64_t state_bytes = 0;  // of a recurrent layer: what it keeps of all tokens up to the last of the image
  };
  std::string name;  // of all that decides an image's bytes beside model and tokens
  std::vector<Layer> layers;

  // Of `count` tokens in one layer: a part of an image.
  int64_t part_bytes(int layer, int count) const {
    const Layer& l = layers[static_cast<size_t>(layer)];
    return count * l.token_bytes + (count + 15) / 16 * l.panel_bytes + l.state_bytes;
  }
  // An image is the parts of its layers in the order they are listed.
  int64_t image_bytes(int count, std::span<const int32_t> of) const {
    return std::accumulate(of.begin(), of.end(), int64_t{0}, [&](int64_t sum, int32_t layer) { return sum + part_bytes(layer, count); });
  }
};

}  // namespace semantic
