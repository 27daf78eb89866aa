// How far the weights of a model are: written by the engine thread while it loads, read by whoever asks meanwhile.
#pragma once
#include <atomic>
#include <cstdint>

namespace semantic {

struct LoadProgress {
  std::atomic<int64_t> total_bytes{0};  // of the tensors of the model that is loaded, or was last
  std::atomic<int64_t> taken_bytes{0};  // of them, those its executor has
};

}  // namespace semantic
