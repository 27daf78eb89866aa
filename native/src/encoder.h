// The contract of both encoder executors, as executor.h is of the decoders'. An encoder reads each input as a whole and keeps
// nothing of it. Everything here is called on the engine thread only.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "decoder/tensor_source.h"
#include "encoder/spec.h"

namespace semantic {

// What of an input's last hidden states [tokens, hidden] its vector is.
enum class Pooling { Mean, First, Last };

class Encoder {
 public:
  virtual ~Encoder() = default;
  // One vector [hidden_size] per input, in order, not normalised. Inputs do not influence each other.
  virtual void encode(std::span<const std::span<const int32_t>> inputs, Pooling pooling, std::vector<float>& vectors) = 0;
  // Upper bound of the temporary memory that inputs of `tokens` tokens in all need, of which the longest has `longest`.
  virtual int64_t scratch_bytes(int64_t tokens, int inputs, int longest) const = 0;
  virtual int64_t weight_bytes() const = 0;
};

std::unique_ptr<Encoder> make_mlx_encoder(const EncoderSpec& spec, TensorSource& source);

class ThreadPool;
std::unique_ptr<Encoder> make_cpu_encoder(const EncoderSpec& spec, TensorSource& source, ThreadPool& pool);

}  // namespace semantic
